using System.IO.Pipelines;

using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>One end of a simulated connection.</summary>
internal sealed class SimTransport : ITransport
{
    private readonly SimWorld _world;
    private readonly SimLink _in;
    private readonly SimLink _out;
    private readonly Reader _reader;
    private readonly Writer _writer;

    public SimTransport(SimWorld world, SimLink input, SimLink output, string local, string remote)
    {
        _world = world;
        _in = input;
        _out = output;
        LocalAddress = local;
        RemoteAddress = remote;
        _reader = new Reader(world, input);
        _writer = new Writer(output);
    }

    /// <inheritdoc />
    public PipeReader Input => _reader;

    /// <inheritdoc />
    public PipeWriter Output => _writer;

    /// <summary>What this end is called.</summary>
    public string LocalAddress { get; }

    /// <inheritdoc />
    public string RemoteAddress { get; }

    /// <summary>Whether this end was torn down or closed.</summary>
    public bool IsClosed { get; private set; }

    /// <inheritdoc />
    public ValueTask WaitForInputAsync() => _reader.WaitAsync();

    /// <inheritdoc />
    public void Abort()
    {
        _world.CheckThread("the transport was aborted");
        if (IsClosed)
        {
            return;
        }

        IsClosed = true;
        if (_writer.IsCompleted && !_out.IsEmpty)
        {
            // So slow is the way that the patience after the last octet was too short for it.
            _world.NoteTrouble("a connection is closed before its last octets have arrived");
        }

        _in.BreakReader(new IOException("this end was aborted"));
        _out.BreakWriter(new ObjectDisposedException("transport"));
        TellPeer();
    }

    /// <inheritdoc />
    public ValueTask DisposeAsync()
    {
        if (!IsClosed)
        {
            IsClosed = true;
            if (_out.IsWriting)
            {
                _out.BreakWriter(new ObjectDisposedException("transport"));
                TellPeer();
            }
            else if (!_writer.IsCompleted)
            {
                _out.End();
            }

            // The last octets may still be on their way; the peer's own find nobody here.
            _in.BreakReader(new ObjectDisposedException("transport"));
            _world.Time.After(_world.Random.UpTo(_world.Swarm.Network.Latency), () => _in.BreakWriter(new IOException("broken pipe")));
        }

        return ValueTask.CompletedTask;
    }

    private void TellPeer()
    {
        int latency = _world.Swarm.Network.Latency;
        bool asEnd = _world.Random.OneIn(3);
        _world.Time.After(_world.Random.UpTo(latency), () =>
        {
            if (asEnd)
            {
                _out.CutOff();
            }
            else
            {
                _out.BreakReader(new IOException("connection reset by peer"));
            }
        });
        _world.Time.After(_world.Random.UpTo(latency), () => _in.BreakWriter(new IOException("broken pipe")));
    }

    private sealed class Reader : PipeReader
    {
        private readonly SimWorld _world;
        private readonly SimLink _link;
        private TaskCompletionSource<ReadResult>? _pending;
        private TaskCompletionSource? _waiting;

        public Reader(SimWorld world, SimLink link)
        {
            _world = world;
            _link = link;
            link.Wake = Wake;
        }

        private bool CanGoOn => _link.Readable > _link.LookedAt || _link.HasEnded || _link.ReadError is not null;

        public ValueTask WaitAsync()
        {
            _world.CheckThread("input was waited for");
            if (CanGoOn)
            {
                return ValueTask.CompletedTask;
            }

            _waiting = new TaskCompletionSource();
            return new ValueTask(_waiting.Task);
        }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            _world.CheckThread("the transport was read");
            if (CanGoOn && !_world.Random.OneIn(8))
            {
                return _link.ReadError is { } error ? ValueTask.FromException<ReadResult>(error) : new ValueTask<ReadResult>(Result());
            }

            _pending = new TaskCompletionSource<ReadResult>();
            TaskCompletionSource<ReadResult> pending = _pending;
            Wake();
            return new ValueTask<ReadResult>(pending.Task);
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            _link.Consume(SimLink.OffsetOf(consumed), SimLink.OffsetOf(examined));
        }

        public override bool TryRead(out ReadResult result) => throw new NotSupportedException();

        public override void CancelPendingRead() => throw new NotSupportedException("reads are ended by aborting the transport");

        public override void Complete(Exception? exception = null)
        {
            // The transport is closed as a whole.
        }

        private ReadResult Result() => new(_link.Take(), isCanceled: false, isCompleted: _link.HasEnded);

        private void Wake()
        {
            if (!CanGoOn)
            {
                return;
            }

            if (_waiting is { } waiting)
            {
                _waiting = null;
                _world.Loop.Post("input", () => Complete(waiting));
            }

            if (_pending is { } pending)
            {
                _pending = null;
                _world.Loop.Post("read", () => Complete(pending));
            }
        }

        private void Complete(TaskCompletionSource waiting)
        {
            if (_link.ReadError is { } error)
            {
                waiting.SetException(error);
            }
            else
            {
                waiting.SetResult();
            }
        }

        private void Complete(TaskCompletionSource<ReadResult> pending)
        {
            if (_link.ReadError is { } error)
            {
                pending.SetException(error);
            }
            else
            {
                pending.SetResult(Result());
            }
        }
    }

    private sealed class Writer(SimLink link) : PipeWriter
    {
        public bool IsCompleted { get; private set; }

        public override ValueTask<FlushResult> WriteAsync(ReadOnlyMemory<byte> source, CancellationToken cancellationToken = default) =>
            link.WriteAsync(source);

        public override void Complete(Exception? exception = null)
        {
            IsCompleted = true;
            link.End();
        }

        public override void CancelPendingFlush() => throw new NotSupportedException("writes are ended by aborting the transport");

        public override void Advance(int bytes) => throw new NotSupportedException();

        public override Memory<byte> GetMemory(int sizeHint = 0) => throw new NotSupportedException();

        public override Span<byte> GetSpan(int sizeHint = 0) => throw new NotSupportedException();

        public override ValueTask<FlushResult> FlushAsync(CancellationToken cancellationToken = default) => throw new NotSupportedException();
    }
}
