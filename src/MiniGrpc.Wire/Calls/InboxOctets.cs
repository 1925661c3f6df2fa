using System.Buffers;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// The octets that have come in on a stream and were not consumed, in rented segments. Memory follows the octets: a tiny
/// frame fills up the last segment, so nobody can make us hold much memory for few octets.
/// </summary>
/// <remarks>A mutable struct that belongs to its <see cref="MessageInbox"/>, whose lock guards it.</remarks>
internal struct InboxOctets
{
    /// <summary>Larger messages come in several pieces; a parser takes them as they are.</summary>
    private const int LargestSegment = 1024 * 1024;

    /// <summary>Segments that are kept without their memory, for the messages to come: a message of some MiB has no more.</summary>
    private const int MostSpares = 8;

    private InboxSegment? _head;
    private InboxSegment? _tail;
    private InboxSegment? _spare;
    private int _spares;
    private int _headStart;
    private int _tailEnd;

    /// <summary>The number of octets.</summary>
    public int Length { get; private set; }

    /// <summary>Whether any memory is held.</summary>
    public readonly bool HoldsMemory => _head is not null;

    /// <summary>The octets. What is appended later does not change a sequence taken before.</summary>
    public readonly ReadOnlySequence<byte> Unread =>
        _head is null ? ReadOnlySequence<byte>.Empty : new ReadOnlySequence<byte>(_head, _headStart, _tail!, _tailEnd);

    /// <summary>Adds <paramref name="data"/>; <paramref name="expected"/> octets in all are waited for, and get their memory in few pieces.</summary>
    public void Append(ReadOnlySpan<byte> data, int expected)
    {
        int missing = expected - Length;
        Length += data.Length;
        while (!data.IsEmpty)
        {
            if (_tail is null || _tailEnd == _tail.Array.Length)
            {
                AddSegment(Math.Max(data.Length, Math.Min(missing, Length)));
            }

            int count = Math.Min(data.Length, _tail!.Array.Length - _tailEnd);
            data[..count].CopyTo(_tail.Array.AsSpan(_tailEnd));
            _tailEnd += count;
            data = data[count..];
        }
    }

    /// <summary>Gives back the first <paramref name="count"/> octets.</summary>
    public void Free(int count)
    {
        Length -= count;
        while (count > 0)
        {
            int inHead = (_head == _tail ? _tailEnd : _head!.Array.Length) - _headStart;
            if (count < inHead)
            {
                _headStart += count;
                return;
            }

            count -= inHead;
            RemoveHead();
        }
    }

    /// <summary>Gives everything back.</summary>
    public void FreeAll()
    {
        Length = 0;
        while (_head is not null)
        {
            RemoveHead();
        }
    }

    private void AddSegment(int size)
    {
        InboxSegment segment;
        if (_spare is null)
        {
            segment = new InboxSegment();
        }
        else
        {
            segment = _spare;
            _spare = segment.NextSegment;
            _spares--;
        }

        // The first one may be small; many small ones would be more objects than octets.
        segment.Begin(Math.Min(_tail is null ? size : Math.Max(size, 2 * InboxSegment.OwnLength), LargestSegment), _tail);
        _tail = segment;
        _tailEnd = 0;
        if (_head is null)
        {
            _head = _tail;
            _headStart = 0;
        }
    }

    private void RemoveHead()
    {
        InboxSegment head = _head!;
        _head = head.NextSegment;
        _headStart = 0;
        if (_head is null)
        {
            _tail = null;
            _tailEnd = 0;
        }

        if (_spares == MostSpares)
        {
            head.End(null);
            return;
        }

        head.End(_spare);
        _spare = head;
        _spares++;
    }
}
