using System.Buffers;
using System.IO.Pipelines;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>
/// One direction of a connection: octets written at one end become readable at the other, later, in pieces of any size. It
/// holds only so many; a writer waits for room. It may stand still, end in order, or break at either end.
/// </summary>
internal sealed class SimLink(SimWorld world, int id)
{
    private readonly NetworkHabits _habits = world.Swarm.Network;
    private byte[] _octets = [];
    private int _read;
    private int _delivered;
    private int _written;
    private ReadOnlyMemory<byte> _toWrite;
    private TaskCompletionSource<FlushResult>? _writer;
    private bool _deliveryIsDue;
    private bool _ended;
    private bool _dead;
    private bool _stands;
    private bool _isHeld;

    /// <summary>Tells the reader's end to look again.</summary>
    public Action? Wake { get; set; }

    /// <summary>Whether the reader has been told that nothing more comes.</summary>
    public bool HasEnded { get; private set; }

    /// <summary>What the reader's end finds instead of octets once the link is broken.</summary>
    public Exception? ReadError { get; private set; }

    /// <summary>What the writer's end finds once the link is broken.</summary>
    public Exception? WriteError { get; private set; }

    /// <summary>Octets that can be read.</summary>
    public int Readable => _delivered - _read;

    /// <summary>Octets that can be read and were looked at already: the start of a frame that isn't whole.</summary>
    public int LookedAt { get; private set; }

    /// <summary>Whether nothing is under way.</summary>
    public bool IsEmpty => _written == _read && _toWrite.IsEmpty;

    /// <summary>Writes; the task completes when the memory may be used again.</summary>
    public ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> octets)
    {
        world.CheckThread("the transport was written to");
        if (WriteError is not null)
        {
            return ValueTask.FromException<FlushResult>(WriteError);
        }

        if (_ended || _writer is not null)
        {
            world.Fail(_ended ? "the transport was written to after its output was completed" : "two writes at once");
        }

        _toWrite = octets;
        Accept();
        if (_toWrite.IsEmpty && world.Random.OneIn(2))
        {
            return default;
        }

        _writer = new TaskCompletionSource<FlushResult>();
        TaskCompletionSource<FlushResult> writer = _writer;
        CompleteWrite();
        return new ValueTask<FlushResult>(writer.Task);
    }

    /// <summary>Whether a write has not completed.</summary>
    public bool IsWriting => _writer is not null;

    /// <summary>Nothing more will be written.</summary>
    public void End()
    {
        _ended = true;
        Deliver();
    }

    /// <summary>What can be read, cut anywhere into one to three segments.</summary>
    public ReadOnlySequence<byte> Take()
    {
        _isHeld = true;
        int length = Readable;
        var first = new Segment(_octets.AsMemory(_read, length), 0);
        if (length < 2 || !_habits.CutsReads || world.Random.OneIn(2))
        {
            return new ReadOnlySequence<byte>(first, 0, first, length);
        }

        int cut = world.Random.Between(1, length - 1);
        first = new Segment(_octets.AsMemory(_read, cut), 0);
        var last = new Segment(_octets.AsMemory(_read + cut, length - cut), cut);
        first.Append(last);
        return new ReadOnlySequence<byte>(first, 0, last, length - cut);
    }

    /// <summary>Frees what was used of the sequence taken last. What was only looked at stays, but has left the link: a reader keeps it.</summary>
    public void Consume(int count, int lookedAt)
    {
        LookedAt = lookedAt - count;
        _octets.AsSpan(_read, count).Fill(0xee); // whoever looks at it again finds nothing
        _read += count;
        _isHeld = false;
        if (_read == _written)
        {
            _read = _delivered = _written = 0;
        }

        Accept();
        CompleteWrite();
    }

    /// <summary>How far into the sequence taken last a position is.</summary>
    public static int OffsetOf(SequencePosition position) =>
        position.GetObject() is Segment segment ? (int)segment.RunningIndex + position.GetInteger() : 0;

    /// <summary>Stands still until <see cref="GoOn"/>.</summary>
    public void StandStill() => _stands = true;

    /// <summary>Moves again.</summary>
    public void GoOn()
    {
        _stands = false;
        Deliver();
    }

    /// <summary>No more octets arrive; what the two ends notice comes later.</summary>
    public void Die() => _dead = true;

    /// <summary>The reader's end notices. What has not arrived is lost.</summary>
    public void BreakReader(Exception error)
    {
        Die();
        ReadError ??= error;
        Wake?.Invoke();
    }

    /// <summary>The reader's end finds the end in the middle of whatever it was.</summary>
    public void CutOff()
    {
        Die();
        HasEnded = true;
        Wake?.Invoke();
    }

    /// <summary>The writer's end notices.</summary>
    public void BreakWriter(Exception error)
    {
        Die();
        WriteError ??= error;
        CompleteWrite();
    }

    private void Accept()
    {
        int count = Math.Min(_toWrite.Length, _habits.Capacity - (_written - _read - LookedAt));
        if (count <= 0)
        {
            return;
        }

        MakeRoom(count);
        _toWrite.Span[..count].CopyTo(_octets.AsSpan(_written));
        _toWrite = _toWrite[count..];
        _written += count;
        Deliver();
    }

    private void MakeRoom(int count)
    {
        if (_octets.Length - _written >= count)
        {
            return;
        }

        int length = _written - _read;
        byte[] target = !_isHeld && _octets.Length - length >= count ? _octets : new byte[Math.Max(1024, (length + count) * 2)];
        _octets.AsSpan(_read, length).CopyTo(target);
        _octets = target;
        _delivered -= _read;
        _written = length;
        _read = 0;
    }

    private void CompleteWrite()
    {
        if (_writer is not { } writer || (!_toWrite.IsEmpty && WriteError is null))
        {
            return;
        }

        _writer = null;
        _toWrite = default;
        world.Loop.Post("written", () =>
        {
            if (WriteError is { } error)
            {
                writer.SetException(error);
            }
            else
            {
                writer.SetResult(default);
            }
        });
    }

    private void Deliver()
    {
        if (_deliveryIsDue || _stands || _dead || (_delivered == _written && (!_ended || HasEnded)))
        {
            return;
        }

        _deliveryIsDue = true;
        if (world.Random.OneIn(_habits.LateOneIn))
        {
            world.Time.After(world.Random.UpTo(_habits.Latency), Arrive);
        }
        else
        {
            world.Loop.Post("arrive", Arrive);
        }
    }

    private void Arrive()
    {
        _deliveryIsDue = false;
        if (_stands || _dead)
        {
            return;
        }

        int under = _written - _delivered;
        int count = under == 0 ? 0 : Math.Min(under, world.Random.Between(1, _habits.LargestPiece));
        _delivered += count;
        HasEnded = _ended && _delivered == _written && _toWrite.IsEmpty;
        world.Trace.Add(world.Time.Ticks, "octets", id, count);
        Wake?.Invoke();
        Deliver();
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, int start)
        {
            Memory = memory;
            RunningIndex = start;
        }

        public void Append(Segment next) => Next = next;
    }
}
