using System.IO.Pipelines;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>A transport that counts how often it is read, and waited for although what it has given was not looked at.</summary>
internal sealed class CountingTransport(ITransport below) : ITransport
{
    private readonly CountingReader _input = new(below);

    public int Reads => _input.Reads;

    public int NeedlessWaits { get; private set; }

    public PipeReader Input => _input;

    public PipeWriter Output => below.Output;

    public string RemoteAddress => below.RemoteAddress;

    public bool IsOpen => below.IsOpen;

    public ValueTask<TransportFailure?> OpenAsync() => below.OpenAsync();

    public ValueTask WaitForInputAsync()
    {
        NeedlessWaits += _input.HasUnexamined ? 1 : 0;
        return below.WaitForInputAsync();
    }

    public void Abort() => below.Abort();

    public ValueTask DisposeAsync() => below.DisposeAsync();

    /// <summary>The reader below is another one when the transport has been opened.</summary>
    private sealed class CountingReader(ITransport below) : PipeReader
    {
        private int _reads;
        private SequencePosition _end;

        public int Reads => Volatile.Read(ref _reads);

        public bool HasUnexamined { get; private set; }

        public override bool TryRead(out ReadResult result) => below.Input.TryRead(out result);

        public override async ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _reads);
            ReadResult result = await below.Input.ReadAsync(cancellationToken);
            _end = result.Buffer.End;
            return result;
        }

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            HasUnexamined = !examined.Equals(_end);
            below.Input.AdvanceTo(consumed, examined);
        }

        public override void CancelPendingRead() => below.Input.CancelPendingRead();

        public override void Complete(Exception? exception = null) => below.Input.Complete(exception);
    }
}
