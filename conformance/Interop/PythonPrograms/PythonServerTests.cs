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
public sealed class PythonServerTests(PythonServerTests.Server server) : IClassFixture<PythonServerTests.Server>
{
    private readonly string _call = Guid.NewGuid().ToString();

    [Theory, Matrix]
    public async Task It_learns_of_a_deadline(IClientPeer peer, Kind kind)
    {
        await using IClientChannel channel = await server.ConnectAsync(peer);
        TestService.TestServiceClient client = new(channel.Channel);
        await client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();

        CallOptions options = new(Headers(), DateTime.UtcNow.AddMilliseconds(500));
        Outcome outcome = await AnyCall.RunAsync(client, kind, options, Wait());

        outcome.AssertEndedByClientWith(StatusCode.DeadlineExceeded, peer);
        await server.ExpectAsync($"cancelled {_call}");
    }

    [Theory, Matrix]
    public async Task It_learns_of_a_cancellation(IClientPeer peer, Kind kind, bool dispose)
    {
        await using IClientChannel channel = await server.ConnectAsync(peer);
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
        await server.ExpectAsync($"cancelled {_call}");
    }

    private Metadata Headers() => new() { { CallWatch.HeaderName, _call } };

    private static Request Wait() => new()
    {
        Headers = Protos.Headers.First,
        Answer = new Answer(),
        Then = Then.AwaitCancellation,
    };

    /// <summary>The server, started when the first test asks for it.</summary>
    public sealed class Server : IAsyncDisposable
    {
        private readonly Lazy<Task<(PeerProcess Process, int Port)>> _started = new(async () =>
        {
            PeerProcess process = await PythonRuntime.StartAsync("conformance_server.py");
            return (process, int.Parse(await process.ReadLineAsync(), CultureInfo.InvariantCulture));
        });

        internal async Task<IClientChannel> ConnectAsync(IClientPeer peer) =>
            peer.Connect(ServerAddress.Tcp((await _started.Value).Port), ClientSetup.Default);

        /// <summary>Waits for a line, which may come after those of a test that failed.</summary>
        internal async Task ExpectAsync(string line)
        {
            PeerProcess process = (await _started.Value).Process;
            while (await process.ReadLineAsync($"the line '{line}'") != line)
            {
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_started is { IsValueCreated: true, Value.IsCompletedSuccessfully: true })
            {
                await (await _started.Value).Process.DisposeAsync();
            }
        }
    }
}
