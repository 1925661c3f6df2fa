using System.Buffers;

using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// A piece of a stream's unread octets. Its memory is the whole rented array from the start; how far it is filled is known
/// to the inbox alone, so a reader's view of what was there before is never changed under it.
/// </summary>
internal sealed class InboxSegment : ReadOnlySequenceSegment<byte>
{
    /// <summary>The rented array; empty when the segment is not in use.</summary>
    public byte[] Array { get; private set; } = [];

    /// <summary>The segment after this one.</summary>
    public InboxSegment? NextSegment => (InboxSegment?)Next;

    /// <summary>Rents memory, and links the segment behind <paramref name="previous"/>.</summary>
    public void Begin(int size, InboxSegment? previous)
    {
        Array = BytePool.Rent(size);
        Memory = Array;
        Next = null;
        RunningIndex = 0;
        if (previous is not null)
        {
            previous.Next = this;
            RunningIndex = previous.RunningIndex + previous.Array.Length;
        }
    }

    /// <summary>Gives the memory back. Nobody may look at a sequence with this segment in it any more.</summary>
    public void End()
    {
        BytePool.Return(Array);
        Array = [];
        Memory = default;
        Next = null;
    }
}
