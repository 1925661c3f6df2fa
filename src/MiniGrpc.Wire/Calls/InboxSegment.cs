using System.Buffers;

using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// A piece of a stream's unread octets. Its memory is the whole rented array from the start; how far it is filled is known
/// to the inbox alone, so a reader's view of what was there before is never changed under it.
/// </summary>
internal sealed class InboxSegment : ReadOnlySequenceSegment<byte>
{
    /// <summary>As much as a typical unary message takes, with room to spare.</summary>
    public const int OwnLength = 256;

    private byte[]? _own;

    /// <summary>The memory; empty when the segment is not in use.</summary>
    public byte[] Array { get; private set; } = [];

    /// <summary>The segment after this one.</summary>
    public InboxSegment? NextSegment => (InboxSegment?)Next;

    /// <summary>
    /// Gets memory for at least <paramref name="size"/> octets, and links the segment behind <paramref name="previous"/>. For few octets it has
    /// an array of its own, which it keeps: hundreds of small calls at once are more than the shared pool has arrays for.
    /// </summary>
    public void Begin(int size, InboxSegment? previous)
    {
        Array = size <= OwnLength ? _own ??= new byte[OwnLength] : BytePool.Rent(size);
        Memory = Array;
        Next = null;
        RunningIndex = 0;
        if (previous is not null)
        {
            previous.Next = this;
            RunningIndex = previous.RunningIndex + previous.Array.Length;
        }
    }

    /// <summary>Gives the memory back, and links the segment to others that aren't in use. Nobody may look at a sequence with it any more.</summary>
    public void End(InboxSegment? spare)
    {
        if (Array != _own)
        {
            BytePool.Return(Array);
        }

        Array = [];
        Memory = default;
        Next = spare;
    }
}
