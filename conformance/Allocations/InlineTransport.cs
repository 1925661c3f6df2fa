using System.IO.Pipelines;

using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>Two pipes crosswise whose readers go on where they were written to: no thread and no work item comes in between.</summary>
internal sealed class InlineTransport(PipeReader input, PipeWriter output) : ITransport
{
    public PipeReader Input => input;

    public PipeWriter Output => output;

    public string RemoteAddress => "memory:inline";

    public static (InlineTransport Engine, InlineTransport Raw) CreatePair()
    {
        var options = new PipeOptions(
            readerScheduler: PipeScheduler.Inline, writerScheduler: PipeScheduler.Inline, pauseWriterThreshold: 0, minimumSegmentSize: 64 * 1024, useSynchronizationContext: false);
        var up = new Pipe(options);
        var down = new Pipe(options);
        return (new InlineTransport(up.Reader, down.Writer), new InlineTransport(down.Reader, up.Writer));
    }

    public ValueTask WaitForInputAsync() => ValueTask.CompletedTask;

    public void Abort()
    {
        output.Complete();
        input.CancelPendingRead();
    }

    public async ValueTask DisposeAsync()
    {
        await input.CompleteAsync();
        await output.CompleteAsync();
    }
}
