using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>What the server's log says of handlers that throw.</summary>
public class HandlerLogTests
{
    [Theory]
    [InlineData(false, "Error: The handler of /test/Unary threw an exception")]
    [InlineData(true, "Debug: The handler of /test/Unary ended its call with NotFound")]
    public async Task A_bug_is_an_error_and_a_status_is_for_those_who_look_closely(bool isStatus, string line)
    {
        await using var server = new TestServer();
        server.Service.Unary = (_, _) => throw (isStatus ? new RpcException(new Status(StatusCode.NotFound, "no")) : new InvalidOperationException("bug"));
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.ResponseAsync(1);
        Assert.Single(server.Log.Lines, one => one == line);
        Assert.Single(server.Log.Lines, one => one.Contains("/test/Unary", StringComparison.Ordinal));
    }

    /// <summary>Mostly it is the cancellation; a bug among them can be found.</summary>
    [Fact]
    public async Task An_exception_after_the_call_s_end_can_be_found()
    {
        await using var server = new TestServer();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Service.Unary = async (_, context) =>
        {
            await TestService.UntilCancelledAsync(context, started);
            throw new OperationCanceledException();
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
        await server.AssertQuietAsync(client);
        Assert.Single(server.Log.Lines, line => line == "Debug: The handler of /test/Unary threw an exception after its call had ended");
    }
}
