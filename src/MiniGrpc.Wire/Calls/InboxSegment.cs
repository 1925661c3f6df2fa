using System.Buffers;

using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// A piece of a stream's unread octets. Its memory is the whole rented array from the start; how far it is filled is known
/// to the inbox alone, so a reader's view of what was there before is never changed under it.
/// </summary>
internal sealed class InboxSegment : ReadOnlySequenceSegment<byte>
{
    public InboxSegment(int size, InboxSegment? previous)
    {
        Array = BytePool.Rent(size);
        Memory = Array;
        if (previous is not null)
        {
            previous.Next = this;
            RunningIndex = previous.RunningIndex + previous.Array.Length;
        }
    }

    /// <summary>The rented array.</summary>
    public byte[] Array { get; }

    /// <summary>The segment after this one.</summary>
    public InboxSegment? NextSegment => (InboxSegment?)Next;
}
