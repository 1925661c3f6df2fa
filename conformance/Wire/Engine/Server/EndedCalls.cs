using MiniGrpc.Server;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>What a handler sees of a call that its client has ended.</summary>
public class EndedCalls
{
    /// <summary>
    /// A frame closes the stream, and a moment later the call is told. A handler that writes in between must see a cancelled
    /// call, not a mistake of its own.
    /// </summary>
    [Fact]
    public async Task A_write_between_the_end_of_the_stream_and_the_news_of_it_is_cancelled_and_no_error_of_the_handler()
    {
        await using var server = new TestServer();
        var seen = new TaskCompletionSource<Exception>(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Service.Spread = async (_, responses, context) =>
        {
            Internals.StreamOf((ServerCall)context).State.Apply(StreamInput.ReceiveRstStream);
            try
            {
                await responses.WriteAsync([1]);
            }
            catch (Exception e)
            {
                seen.SetResult(e);
                throw;
            }
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Spread");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.IsType<OperationCanceledException>(await RawPeer.Within(seen.Task, "the write to fail"), exactMatch: false);
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handler to return");
        Assert.DoesNotContain(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }
}
