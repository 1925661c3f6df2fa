using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The octets of one stream that have been accepted from its writer and wait for a window or for their turn.
/// First in, first out; the memory comes from the shared pool and goes back as the octets leave.
/// </summary>
/// <remarks>Owned by the send gate.</remarks>
internal struct SendQueue
{
    /// <summary>A message of this length is worth an array of its own; shorter ones share arrays of it.</summary>
    private const int AdoptedLength = 4096;

    private Segment? _head;
    private Segment? _tail;

    /// <summary>The number of octets waiting.</summary>
    public int Length { get; private set; }

    /// <summary>
    /// Takes over the octets of <paramref name="message"/>, which is empty afterwards: a large message by its memory, small
    /// ones by copying them behind each other, so that thousands of them don't hold an array each.
    /// </summary>
    public void Append(OutputBuffer message)
    {
        int length = message.Length;
        Length += length;
        if (length >= AdoptedLength)
        {
            Add(new Segment(message.Detach(), length));
            return;
        }

        if (_tail is null || _tail.Room.Length < length)
        {
            Add(new Segment(BytePool.Rent(AdoptedLength), 0));
        }

        message.WrittenSpan.CopyTo(_tail!.Room);
        _tail.End += length;
        message.Clear();
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

    private void Add(Segment segment)
    {
        if (_tail is null)
        {
            _head = segment;
        }
        else
        {
            _tail.Next = segment;
        }

        _tail = segment;
    }

    private void RemoveHead()
    {
        Segment segment = _head!;
        _head = segment.Next;
        if (_head is null)
        {
            _tail = null;
        }

        BytePool.Return(segment.Array);
    }

    private sealed class Segment(byte[] array, int end)
    {
        public readonly byte[] Array = array;
        public int Start;
        public int End = end;
        public Segment? Next;

        public ReadOnlySpan<byte> Unsent => Array.AsSpan(Start, End - Start);

        public Span<byte> Room => Array.AsSpan(End);
    }
}
