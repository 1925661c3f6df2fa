using System.Buffers;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The octets of one stream that have been accepted from its writer and wait for a window or for their turn.
/// First in, first out; the memory comes from the shared pool and goes back as the octets leave.
/// </summary>
/// <remarks>Owned by the send gate.</remarks>
internal struct SendQueue
{
    private Segment? _head;
    private Segment? _tail;

    /// <summary>The number of octets waiting.</summary>
    public int Length { get; private set; }

    /// <summary>Takes over a rented array, of which the first <paramref name="length"/> octets are to be sent.</summary>
    public void Append(byte[] rented, int length)
    {
        var segment = new Segment(rented, length);
        if (_tail is null)
        {
            _head = segment;
        }
        else
        {
            _tail.Next = segment;
        }

        _tail = segment;
        Length += length;
    }

    /// <summary>Moves as many octets as fit to <paramref name="destination"/>, which must not be longer than the queue.</summary>
    public void MoveTo(Span<byte> destination)
    {
        Length -= destination.Length;
        while (!destination.IsEmpty)
        {
            Segment segment = _head!;
            ReadOnlySpan<byte> octets = segment.Unsent;
            int count = Math.Min(octets.Length, destination.Length);
            octets[..count].CopyTo(destination);
            destination = destination[count..];
            segment.Start += count;
            if (count == octets.Length)
            {
                RemoveHead();
            }
        }
    }

    /// <summary>Throws away what waits.</summary>
    public void Clear()
    {
        while (_head is not null)
        {
            RemoveHead();
        }

        Length = 0;
    }

    private void RemoveHead()
    {
        Segment segment = _head!;
        _head = segment.Next;
        if (_head is null)
        {
            _tail = null;
        }

        ArrayPool<byte>.Shared.Return(segment.Array);
    }

    private sealed class Segment(byte[] array, int end)
    {
        public readonly byte[] Array = array;
        public int Start;
        public Segment? Next;

        public ReadOnlySpan<byte> Unsent => Array.AsSpan(Start, end - Start);
    }
}
