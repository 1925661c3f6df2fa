using System.Globalization;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop.PythonPrograms;

/// <summary>
/// What the server in Python learns of the end of a call. All else about it is in the tests that run
/// <see cref="MatrixAttribute.AcrossProcesses"/>.
/// </summary>
public sealed class PythonServerTests
{
    [Theory, Matrix]
    public async Task It_learns_of_a_deadline(IClientPeer peer, Kind kind)
    {
        await using PeerProcess server = await PythonRuntime.StartAsync("conformance_server.py");
        await using IClientChannel channel = await ConnectAsync(peer, server);
        TestService.TestServiceClient client = new(channel.Channel);
        await client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();

        CallOptions options = new(Headers(), DateTime.UtcNow.AddMilliseconds(500));
        Outcome outcome = await AnyCall.RunAsync(client, kind, options, Wait());

        outcome.AssertEndedByClientWith(StatusCode.DeadlineExceeded, peer);
        Assert.Equal("cancelled the-call", await server.ReadLineAsync());
    }

    [Theory, Matrix]
    public async Task It_learns_of_a_cancellation(IClientPeer peer, Kind kind, bool dispose)
    {
        await using PeerProcess server = await PythonRuntime.StartAsync("conformance_server.py");
        await using IClientChannel channel = await ConnectAsync(peer, server);
        using CancellationTokenSource source = new();
        CallOptions options = new(Headers(), cancellationToken: source.Token);
        using AnyCall call = await AnyCall.StartAsync(new TestService.TestServiceClient(channel.Channel), kind, options, Wait());
        await call.HeadersAsync();
        Task<Outcome> outcome = call.ReadToEndAsync();

        if (dispose)
        {
            call.Dispose();
        }
        else
        {
            await source.CancelAsync();
        }

        (await outcome).AssertEndedByClientWith(StatusCode.Cancelled, peer);
        Assert.Equal("cancelled the-call", await server.ReadLineAsync());
    }

    private static Metadata Headers() => new() { { CallWatch.HeaderName, "the-call" } };

    private static Request Wait() => new()
    {
        Headers = Protos.Headers.First,
        Answer = new Answer(),
        Then = Then.AwaitCancellation,
    };

    private static async Task<IClientChannel> ConnectAsync(IClientPeer peer, PeerProcess server)
    {
        int port = int.Parse(await server.ReadLineAsync(), CultureInfo.InvariantCulture);
        return peer.Connect(ServerAddress.Tcp(port), ClientSetup.Default);
    }
}
