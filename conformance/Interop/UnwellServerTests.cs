using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop;

/// <summary>
/// Our client's <c>round_robin</c> over servers of which one is connected and not well: it says so itself, by the health service of
/// Grpc.HealthCheck (gRFC A17), or its calls show it (gRFC A50).
/// </summary>
public sealed class UnwellServerTests
{
    /// <summary>Rounds of all servers that are enough to see who is left out.</summary>
    private const int Calls = 12;

    [Theory, Matrix]
    public async Task A_server_gets_calls_while_it_says_that_it_serves(IServerPeer peer)
    {
        await using Backend one = await Backend.StartAsync(peer, ServingStatus.NotServing);
        await using Backend other = await Backend.StartAsync(new KestrelPeer(), ServingStatus.Serving);
        await using MiniChannel channel = Connect(new RoundRobinConfig(), TestService.Descriptor.FullName, one, other);
        TestService.TestServiceClient client = new(channel);

        await CallAsync(client, Calls);
        Assert.Equal((0, Calls), (one.Served.Count, other.Served.Count));

        one.Say(ServingStatus.Serving);
        await CallUntilAsync(client, () => one.Served.Count > 0);

        other.Say(ServingStatus.NotServing);
        int before = 0;
        await CallUntilAsync(client, () => before == (before = other.Served.Count)); // two calls in a row at the one
        await CallAsync(client, Calls);
        Assert.Equal(before, other.Served.Count);

        one.Say(ServingStatus.NotServing);
        await EndAsync(client, new Status(StatusCode.Unavailable, $"says that service '{TestService.Descriptor.FullName}' is NOT_SERVING"));
    }

    /// <summary>It doesn't have to know of health checking.</summary>
    [Theory, Matrix]
    public async Task A_server_without_a_health_service_gets_calls(IServerPeer peer)
    {
        await using Backend one = await Backend.StartAsync(peer, health: null);
        await using MiniChannel channel = Connect(new RoundRobinConfig(), "", one);

        await CallAsync(new TestService.TestServiceClient(channel), Calls);

        Assert.Equal(Calls, one.Served.Count);
    }

    [Theory]
    [MemberData(nameof(ServersAndCodes), DisableDiscoveryEnumeration = true)]
    public async Task A_server_whose_calls_fail_is_left_out(IServerPeer peer, StatusCode code)
    {
        Microsoft.Extensions.Time.Testing.FakeTimeProvider time = new();
        await using Backend one = await Backend.StartAsync(peer, health: null, fails: code);
        await using Backend second = await Backend.StartAsync(new KestrelPeer(), health: null);
        await using Backend third = await Backend.StartAsync(new MiniServerPeer(), health: null);
        OutlierDetectionConfig policy = new()
        {
            FailurePercentageEjection = new FailurePercentageEjection { MinimumHosts = 2, RequestVolume = 3 },
            ChildPolicies = { new RoundRobinConfig() },
        };
        await using MiniChannel channel = Connect(policy, null, options => options.TimeProvider = time, one, second, third);
        TestService.TestServiceClient client = new(channel);
        await CallUntilAsync(client, () => one.Served.Count >= 3 && second.Served.Count >= 3 && third.Served.Count >= 3);

        time.Advance(policy.Interval);
        int before = -1;
        await CallUntilAsync(client, () => before == (before = one.Served.Count));
        await CallAsync(client, Calls);
        Assert.Equal(before, one.Served.Count);

        time.Advance(policy.BaseEjectionTime + TimeSpan.FromSeconds(1));
        await CallUntilAsync(client, () => one.Served.Count > before);
    }

    public static TheoryData<IServerPeer, StatusCode> ServersAndCodes()
    {
        TheoryData<IServerPeer, StatusCode> rows = [];
        foreach (IServerPeer server in Matrix.Servers)
        {
            rows.Add(server, StatusCode.Unavailable);
            rows.Add(server, StatusCode.Internal);
        }

        return rows;
    }

    private static MiniChannel Connect(LoadBalancingConfig policy, string? health, params Backend[] backends) => Connect(policy, health, _ => { }, backends);

    private static MiniChannel Connect(LoadBalancingConfig policy, string? health, Action<MiniChannelOptions> configure, params Backend[] backends)
    {
        MiniChannelOptions options = new() { ServiceConfig = new ServiceConfig { LoadBalancingConfigs = { policy }, HealthCheckServiceName = health } };
        configure(options);
        return MiniChannel.ForAddress($"ipv4:{string.Join(',', backends.Select(backend => $"127.0.0.1:{backend.Port}"))}", options);
    }

    /// <summary>Calls, none of which may fail.</summary>
    private static async Task CallAsync(TestService.TestServiceClient client, int calls)
    {
        for (int i = 0; i < calls; i++)
        {
            await client.UnaryAsync(new Request()).ResponseAsync.WithinLimit("a call");
        }
    }

    /// <summary>Calls that may fail, one after the other until <paramref name="condition"/> holds after three of them, which is after each server's turn.</summary>
    private static async Task CallUntilAsync(TestService.TestServiceClient client, Func<bool> condition)
    {
        using CancellationTokenSource limit = new(Bounded.Limit);
        do
        {
            for (int i = 0; i < 3; i++)
            {
                limit.Token.ThrowIfCancellationRequested();
                using AsyncUnaryCall<Response> call = client.UnaryAsync(new Request());
                await Task.WhenAny(call.ResponseAsync).WithinLimit("a call");
            }
        }
        while (!condition());
    }

    /// <summary>Calls until one ends as <paramref name="expected"/>.</summary>
    private static async Task EndAsync(TestService.TestServiceClient client, Status expected)
    {
        using CancellationTokenSource limit = new(Bounded.Limit);
        while (true)
        {
            limit.Token.ThrowIfCancellationRequested();
            try
            {
                await client.UnaryAsync(new Request()).ResponseAsync.WithinLimit("a call");
            }
            catch (RpcException e)
            {
                Assert.Equal(expected.StatusCode, e.StatusCode);
                Assert.Contains(expected.Detail, e.Status.Detail, StringComparison.Ordinal);
                return;
            }
        }
    }

    /// <summary>A server, with what it says of its health, and a service that answers at once or fails.</summary>
    private sealed class Backend(HealthServiceImpl? health, StatusCode fails) : TestService.TestServiceBase, IAsyncDisposable
    {
        private HostedServer? _server;

        public int Port => _server!.Address.Port;

        /// <summary>Calls that have come.</summary>
        public Tally Served { get; } = new();

        public static async Task<Backend> StartAsync(IServerPeer peer, ServingStatus? health, StatusCode fails = StatusCode.OK)
        {
            Backend backend = new(health is null ? null : new HealthServiceImpl(), fails);
            if (health is { } status)
            {
                backend.Say(status);
            }

            backend._server = await HostedServer.StartAsync(peer, Transport.Tcp, setup => setup with { Services = [.. backend.Services()] });
            return backend;
        }

        public void Say(ServingStatus status) => health!.SetStatus(TestService.Descriptor.FullName, status);

        public override Task<Response> Unary(Request request, ServerCallContext context)
        {
            Served.Add();
            return fails == StatusCode.OK ? Task.FromResult(new Response()) : throw new RpcException(new Status(fails, "not well"));
        }

        public ValueTask DisposeAsync() => _server!.DisposeAsync();

        private IEnumerable<ServerServiceDefinition> Services()
        {
            yield return TestService.BindService(this);
            if (health is not null)
            {
                yield return Health.BindService(health);
            }
        }
    }
}
