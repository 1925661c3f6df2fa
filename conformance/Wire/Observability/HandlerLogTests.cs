using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
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

    /// <summary>It is code of the handler's that runs when the handler may be waiting, so that nobody else hears of it.</summary>
    [Theory]
    [InlineData("reset")]
    [InlineData("deadline")]
    [InlineData("cut")]
    public async Task A_bug_in_what_was_to_run_when_the_call_is_cancelled_is_an_error(string how)
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Service.Unary = async (request, context) =>
        {
            context.CancellationToken.Register(() => throw new InvalidOperationException("bug"));
            await TestService.UntilCancelledAsync(context, started);
            return request;
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-timeout=1S");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        switch (how)
        {
            case "reset":
                await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel));
                break;
            case "deadline":
                time.Advance(TimeSpan.FromSeconds(1));
                break;
            case "cut":
                client.Cut();
                break;
        }

        await server.Log.FindAsync(line => line.StartsWith("Error: ", StringComparison.Ordinal), "the error");
        if (how == "cut")
        {
            await server.AssertEndedAsync();
        }
        else
        {
            await client.AssertWorksAsync(3, "Collect");
            await server.AssertQuietAsync(client);
        }

        string error = Assert.Single(server.Log.Lines, line => line.StartsWith("Error: ", StringComparison.Ordinal));
        Assert.Equal("Error: What was to run when a call of /test/Unary is cancelled threw an exception", error);
    }
}
