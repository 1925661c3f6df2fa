using System.Net.Http.Headers;
using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Grpc.Net.Client;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using MiniGrpc.Server;
using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>The health service of Grpc.HealthCheck on our server (gRPC Health Checking Protocol), and what a shutdown makes of it.</summary>
public sealed class HealthTests
{
    private const string Known = "minigrpc.conformance.TestService";

    private readonly HealthServiceImpl _health = new();

    /// <summary>
    /// What the kubelet's probe does: a new plaintext connection each time, Check with the configured service name (empty by default), no
    /// metadata, a deadline, and a user agent of its own.
    /// </summary>
    [Theory]
    [InlineData("", ServingStatus.Serving)]
    [InlineData(Known, ServingStatus.NotServing)]
    public async Task A_probe_of_Kubernetes_is_answered(string service, ServingStatus expected)
    {
        await using GrpcServer server = await StartAsync();
        _health.SetStatus(Known, ServingStatus.NotServing);
        for (int i = 0; i < 3; i++)
        {
            using GrpcChannel channel = Probe(server);
            HealthCheckResponse response = await new Health.HealthClient(channel).CheckAsync(
                new HealthCheckRequest { Service = service }, [], DateTime.UtcNow.AddSeconds(30)).ResponseAsync.WithinLimit("the probe");
            Assert.Equal(expected, response.Status);
        }
    }

    [Fact]
    public async Task A_probe_for_a_service_that_nobody_knows_gets_NOT_FOUND()
    {
        await using GrpcServer server = await StartAsync();
        using GrpcChannel channel = Probe(server);
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            () => new Health.HealthClient(channel).CheckAsync(new HealthCheckRequest { Service = "nobody" }).ResponseAsync.WithinLimit("the probe"));
        Assert.Equal(StatusCode.NotFound, e.StatusCode);
    }

    [Theory, Matrix]
    public async Task A_watcher_sees_every_change(IClientPeer peer)
    {
        await using GrpcServer server = await StartAsync();
        await using IClientChannel channel = server.ConnectBy(peer);
        using AsyncServerStreamingCall<HealthCheckResponse> watch = new Health.HealthClient(channel.Channel).Watch(new HealthCheckRequest { Service = "late" });
        Assert.Equal(ServingStatus.ServiceUnknown, await NextAsync(watch));
        _health.SetStatus("late", ServingStatus.Serving);
        Assert.Equal(ServingStatus.Serving, await NextAsync(watch));
        _health.SetStatus("late", ServingStatus.NotServing);
        Assert.Equal(ServingStatus.NotServing, await NextAsync(watch));
    }

    /// <summary>Who asks while the shutdown begins is answered, on old connections and new ones; nobody has been told to go yet.</summary>
    [Theory, Matrix]
    public async Task When_a_shutdown_begins_everything_is_reported_as_not_serving(IClientPeer peer)
    {
        await using GrpcServer server = await StartAsync();
        await using IClientChannel old = server.ConnectBy(peer);
        Health.HealthClient client = new(old.Channel);
        Assert.Equal(ServingStatus.Serving, (await client.CheckAsync(new HealthCheckRequest()).ResponseAsync.WithinLimit("a check")).Status);
        List<ServingStatus> seen = [];
        server.Stopping.Register(() =>
        {
            // Runs before the registration that was there before it.
            _health.SetStatus("", ServingStatus.NotServing);
            using GrpcChannel probe = Probe(server);
            seen.Add(client.Check(new HealthCheckRequest()).Status);
            seen.Add(new Health.HealthClient(probe).Check(new HealthCheckRequest()).Status);
        });

        await server.ShutdownAsync().WithinLimit("the shutdown");
        Assert.Equal([ServingStatus.NotServing, ServingStatus.NotServing], seen);
    }

    [Theory, Matrix]
    public async Task A_shutdown_ends_watchers_with_the_last_change_and_lets_other_calls_finish(IClientPeer peer)
    {
        await using GrpcServer server = await StartAsync();
        await using IClientChannel channel = server.ConnectBy(peer);
        Health.HealthClient health = new(channel.Channel);
        using AsyncServerStreamingCall<HealthCheckResponse> watchAll = health.Watch(new HealthCheckRequest());
        using AsyncServerStreamingCall<HealthCheckResponse> watchOne = health.Watch(new HealthCheckRequest { Service = Known });
        Assert.Equal(ServingStatus.Serving, await NextAsync(watchAll));
        Assert.Equal(ServingStatus.Serving, await NextAsync(watchOne));
        using AsyncDuplexStreamingCall<Request, Response> call = new TestService.TestServiceClient(channel.Channel).Bidi();
        await AssertEchoesAsync(call);

        Task shutdown = server.ShutdownAsync();
        foreach (AsyncServerStreamingCall<HealthCheckResponse> watch in new[] { watchAll, watchOne })
        {
            Assert.Equal(ServingStatus.NotServing, await NextAsync(watch));
            Assert.False(await watch.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the end of the watch"));
            Assert.Equal(StatusCode.OK, watch.GetStatus().StatusCode);
        }

        Assert.False(shutdown.IsCompleted);
        await AssertEchoesAsync(call);
        await call.RequestStream.CompleteAsync().WithinLimit("the last request");
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the end of the call"));
        await shutdown.WithinLimit("the shutdown");
    }

    /// <summary>As docs/services.md shows it.</summary>
    private Task<GrpcServer> StartAsync() => OurServer.StartAsync(server =>
    {
        string[] services = ["", Known];
        Array.ForEach(services, service => _health.SetStatus(service, ServingStatus.Serving));
        server.Services.Add(TestService.BindService(new ConformanceService(new Metadata.Entry("unused", ""))));
        server.Services.Add(Health.BindService(_health));
        server.Stopping.Register(() => Array.ForEach(services, service => _health.SetStatus(service, ServingStatus.NotServing)));
        server.CancelOnShutdown.Add(Health.Descriptor.FullName);
    });

    private static GrpcChannel Probe(GrpcServer server) => GrpcChannel.ForAddress(
        server.Addresses.Single(), new GrpcChannelOptions { HttpHandler = new ProbesUserAgent(), DisposeHttpClient = true });

    private static async Task<ServingStatus> NextAsync(AsyncServerStreamingCall<HealthCheckResponse> watch)
    {
        Assert.True(await watch.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the next status"));
        return watch.ResponseStream.Current.Status;
    }

    private static async Task AssertEchoesAsync(AsyncDuplexStreamingCall<Request, Response> call)
    {
        await call.RequestStream.WriteAsync(new Request()).WithinLimit("a request");
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("its response"));
    }

    private sealed class ProbesUserAgent() : DelegatingHandler(new SocketsHttpHandler())
    {
        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            request.Headers.UserAgent.Clear();
            request.Headers.UserAgent.Add(new ProductInfoHeaderValue("kube-probe", "1.34"));
            return base.SendAsync(request, cancellationToken);
        }
    }
}
