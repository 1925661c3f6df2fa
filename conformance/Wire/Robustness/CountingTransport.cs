using System.IO.Pipelines;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>A transport that counts how often it is read.</summary>
internal sealed class CountingTransport(ITransport below) : ITransport
{
    private readonly CountingReader _input = new(below.Input);

    public int Reads => _input.Reads;

    public PipeReader Input => _input;

    public PipeWriter Output => below.Output;

    public string LocalAddress => below.LocalAddress;

    public string RemoteAddress => below.RemoteAddress;

    public ValueTask WaitForInputAsync() => below.WaitForInputAsync();

    public void Abort() => below.Abort();

    public ValueTask DisposeAsync() => below.DisposeAsync();

    private sealed class CountingReader(PipeReader reader) : PipeReader
    {
        private int _reads;

        public int Reads => Volatile.Read(ref _reads);

        public override bool TryRead(out ReadResult result) => reader.TryRead(out result);

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default)
        {
            Interlocked.Increment(ref _reads);
            return reader.ReadAsync(cancellationToken);
        }

        public override void AdvanceTo(SequencePosition consumed) => reader.AdvanceTo(consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined) => reader.AdvanceTo(consumed, examined);

        public override void CancelPendingRead() => reader.CancelPendingRead();

        public override void Complete(Exception? exception = null) => reader.Complete(exception);
    }
}
