using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop;

/// <summary>Our client's <c>round_robin</c> over several servers, under load, while one of them is not well.</summary>
public sealed partial class FailoverTests
{
    private const int Workers = 8;

    /// <summary>How often the server goes and comes back: as often as shows that it is no accident what becomes of the calls.</summary>
    private const int Rounds = 5;

    /// <summary>Calls that a server is to serve before a test goes on.</summary>
    private const int Calls = 50;

    private static readonly RetrySetup s_retry = new(MaxAttempts: 5, Backoff: TimeSpan.FromMilliseconds(20));

    [Theory, Matrix]
    public async Task With_a_retry_policy_no_call_fails_when_a_server_goes_and_comes_back(IServerPeer peer)
    {
        await using Fleet fleet = await Fleet.StartAsync(peer);
        await using MiniChannel channel = Connect(fleet.Ports, s_retry);
        await using Load load = new(channel);

        await fleet.StopAndStartOneAsync();

        await load.DisposeAsync();

        // A response that was cut off in its middle is the call's own: "committed" (gRFC A6). None is in most runs.
        Assert.DoesNotContain(load.Failures, failure => !failure.ResponseHadBegun);
    }

    [Theory, Matrix]
    public async Task Without_one_the_calls_that_it_takes_down_with_it_are_UNAVAILABLE_and_no_others_fail(IServerPeer peer)
    {
        await using Fleet fleet = await Fleet.StartAsync(peer);
        await using MiniChannel channel = Connect(fleet.Ports, retry: null);
        await using Load load = new(channel);

        await fleet.StopAndStartOneAsync();

        await load.DisposeAsync();
        Assert.All(load.Failures, failure => Assert.True(failure.Status.StatusCode == StatusCode.Unavailable, failure.ToString()));

        // One each time is known to have been in its handler; each worker has one at the most.
        Assert.InRange(load.Failures.Count, Rounds, Rounds * Workers);
    }

    /// <summary>No call waits for the one that never becomes ready: the channel would let it take forever to.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_backend_that_accepts_and_never_answers_holds_up_no_call(int position)
    {
        using BlackHole hole = new();
        await using Backend first = new(new KestrelPeer());
        await using Backend second = new(new MiniServerPeer());
        await first.StartAsync();
        await second.StartAsync();
        List<int> ports = [first.Port, second.Port];
        ports.Insert(position, hole.Port);
        await using MiniChannel channel = Connect(ports, retry: null);
        await using Load load = new(channel);

        using Socket connection = await hole.AcceptAsync().WithinLimit("the channel connects to the black hole");
        await connection.ReceiveAsync(new byte[1]).WithinLimit("the client's connection preface");
        await Task.WhenAll(first.Served.MoreAsync(Calls), second.Served.MoreAsync(Calls)).WithinLimit("calls at the good ones");

        await load.DisposeAsync();
        Assert.Empty(load.Failures);
    }

    private static MiniChannel Connect(IEnumerable<int> ports, RetrySetup? retry) => Connect(ports, retry is null ? null : MiniClientPeer.ConfigWith(retry));

    private static MiniChannel Connect(IEnumerable<int> ports, MethodConfig? method, Action<MiniChannelOptions>? configure = null)
    {
        ServiceConfig config = new() { LoadBalancingConfigs = { new RoundRobinConfig() } };
        if (method is not null)
        {
            config.MethodConfigs.Add(method);
        }

        MiniChannelOptions options = new()
        {
            ServiceConfig = config,
            ConnectTimeout = Timeout.InfiniteTimeSpan,
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(10),
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(50),
        };
        configure?.Invoke(options);
        return MiniChannel.ForAddress($"ipv4:{string.Join(',', ports.Select(port => $"127.0.0.1:{port}"))}", options);
    }

    private sealed record Failure(Status Status, bool ResponseHadBegun);

    /// <summary>Workers that make one unary call after the other, until it is disposed.</summary>
    private sealed class Load : IAsyncDisposable
    {
        private readonly TestService.TestServiceClient _client;
        private readonly Task _workers;
        private volatile bool _isOver;

        public Load(MiniChannel channel)
        {
            _client = new TestService.TestServiceClient(channel);
            _workers = Task.WhenAll(Enumerable.Range(0, Workers).Select(_ => Task.Run(WorkAsync)));
        }

        public ConcurrentQueue<Failure> Failures { get; } = [];

        public async ValueTask DisposeAsync()
        {
            _isOver = true;
            await _workers.WithinLimit("the workers' last calls");
        }

        private async Task WorkAsync()
        {
            while (!_isOver)
            {
                using AsyncUnaryCall<Response> call = _client.UnaryAsync(new Request());
                try
                {
                    await call.ResponseAsync.WithinLimit("a call under load");
                }
                catch (RpcException e)
                {
                    Task headers = await Task.WhenAny(call.ResponseHeadersAsync).WithinLimit("the response headers, or that there are none");
                    Failures.Enqueue(new Failure(e.Status, headers.IsCompletedSuccessfully));
                }
            }
        }
    }

    /// <summary>Three servers, one of which is stopped and started again.</summary>
    private sealed class Fleet(Backend one, params Backend[] others) : IAsyncDisposable
    {
        public IEnumerable<int> Ports => [others[0].Port, one.Port, others[1].Port];

        public static async Task<Fleet> StartAsync(IServerPeer peer)
        {
            Fleet fleet = new(new Backend(peer), new Backend(new KestrelPeer()), new Backend(new MiniServerPeer()));
            await fleet.ForEachAsync(backend => backend.StartAsync());
            return fleet;
        }

        /// <summary>Takes the one down in the middle of a call, several times, and waits each time until the others, and then it, have served calls.</summary>
        public async Task StopAndStartOneAsync()
        {
            await one.Served.MoreAsync(Calls).WithinLimit("calls at the one");
            for (int round = 0; round < Rounds; round++)
            {
                await one.HoldNextAsync().WithinLimit("a call is in the one's handler");
                await one.StopAsync().WithinLimit("the one stops");
                await Task.WhenAll(others.Select(other => other.Served.MoreAsync(Calls))).WithinLimit("calls at the others");
                Task served = one.Served.MoreAsync(Calls);
                await one.StartAsync();
                await served.WithinLimit("calls at the one that was started again");
            }
        }

        public async ValueTask DisposeAsync() => await ForEachAsync(backend => backend.DisposeAsync().AsTask());

        private Task ForEachAsync(Func<Backend, Task> action) => Task.WhenAll(others.Append(one).Select(action));
    }

    /// <summary>A server that keeps its port while it is away, and its service, which answers at once.</summary>
    private sealed class Backend(IServerPeer peer) : TestService.TestServiceBase, IAsyncDisposable
    {
        private readonly HeldPort _port = new();
        private HostedServer? _server;
        private TaskCompletionSource? _hold;

        public int Port => _port.Number;

        /// <summary>Calls whose handler has come to its end.</summary>
        public Tally Served { get; } = new();

        public async Task StartAsync() => _server = await HostedServer.StartAsync(
            peer, Transport.Tcp, setup => setup with { Port = Port, Services = [TestService.BindService(this)] });

        /// <summary>At once: connections are cut.</summary>
        public async Task StopAsync()
        {
            await _server!.DisposeAsync();
            _server = null;
        }

        /// <summary>The next call stays in its handler until it is cancelled; completes when it is there.</summary>
        public Task HoldNextAsync()
        {
            TaskCompletionSource hold = new(TaskCreationOptions.RunContinuationsAsynchronously);
            Volatile.Write(ref _hold, hold);
            return hold.Task;
        }

        public override async Task<Response> Unary(Request request, ServerCallContext context)
        {
            if (Interlocked.Exchange(ref _hold, null) is { } hold)
            {
                hold.SetResult();
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            }

            Served.Add();
            return new Response();
        }

        public async ValueTask DisposeAsync()
        {
            if (_server is not null)
            {
                await _server.DisposeAsync();
            }

            _port.Dispose();
        }
    }

    /// <summary>A listener whose connections nobody answers on.</summary>
    private sealed class BlackHole : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);

        public BlackHole() => _listener.Start();

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        public Task<Socket> AcceptAsync() => _listener.AcceptSocketAsync();

        public void Dispose() => _listener.Dispose();
    }
}
