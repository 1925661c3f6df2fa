using System.Collections.Concurrent;
using Grpc.Core;
using Grpc.Net.Client;
using Microsoft.Extensions.Logging;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.InteropServer;
using MiniGrpc.Conformance.Protos;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>
/// gRFC A8 as other clients see it: PINGs that our server allows keep a connection, those that come too often end it, with a reason that
/// they understand. HttpClient pings once a second at the most, so these tests take seconds.
/// </summary>
public sealed class KeepaliveTests
{
    [Fact]
    public async Task The_official_client_that_pings_too_often_loses_its_connection_and_makes_another_one()
    {
        LogLines log = new();
        await using GrpcServer server = await StartAsync(new GrpcServerOptions { LoggerFactory = log });
        using GrpcChannel channel = Connect(server);
        TestService.TestServiceClient client = new(channel);
        using AsyncDuplexStreamingCall<Request, Response> call = client.Bidi();
        await call.RequestStream.WriteAsync(new Request()).WithinLimit("a request");
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("its response"));
        string first = call.ResponseStream.Current.Peer;

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the end of the call"));

        Assert.NotEqual(StatusCode.OK, e.StatusCode);
        Assert.Contains(log.Lines, line => line.Contains(nameof(AbuseLimits.PingStrikes), StringComparison.Ordinal));
        Assert.NotEqual(first, (await client.UnaryAsync(new Request()).ResponseAsync.WithinLimit("the next call")).Peer);
    }

    [Fact]
    public async Task The_official_client_may_ping_as_often_as_it_is_allowed_to()
    {
        int pings = 0;
        TaskCompletionSource many = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using GrpcServer server = await StartAsync(new GrpcServerOptions
        {
            AbuseLimits = new AbuseLimits { MinPingInterval = TimeSpan.FromMilliseconds(1), PermitPingsWithoutCalls = true },
            WireTrace = frame =>
            {
                // One more than would be too many otherwise.
                if (!frame.IsSent && frame.Type == "PING" && Interlocked.Increment(ref pings) == 5)
                {
                    many.SetResult();
                }
            },
        });
        using GrpcChannel channel = Connect(server);
        TestService.TestServiceClient client = new(channel);
        string first = (await client.UnaryAsync(new Request()).ResponseAsync.WithinLimit("a call")).Peer;

        await many.Task.WithinLimit("PINGs");

        Assert.Equal(first, (await client.UnaryAsync(new Request()).ResponseAsync.WithinLimit("another call")).Peer);
    }

    /// <summary>
    /// grpc-js pings half as often after a GOAWAY with ENHANCE_YOUR_CALM and <c>too_many_pings</c>, and says so. To the call it is what gRPC
    /// makes of that code on a stream.
    /// </summary>
    [Fact]
    public async Task A_client_in_JavaScript_understands_that_it_pings_too_often()
    {
        await using GrpcServer server = await OurServer.StartAsync(server => server.Services.Add(InteropService.Define(context => context.IsRequestCompressed())));
        await using PeerProcess client = await NodeRuntime.StartAsync("keepalive_client.js", $"127.0.0.1:{server.Ports.Single()}");
        Assert.StartsWith("RESOURCE_EXHAUSTED", await client.ReadLineAsync(), StringComparison.Ordinal);
        Assert.Equal("OK", await client.ReadLineAsync());
        Assert.Contains("rejected by server because of excess pings. Increasing ping interval to 100 ms", client.Errors, StringComparison.Ordinal);
    }

    private static Task<GrpcServer> StartAsync(GrpcServerOptions options) => OurServer.StartAsync(
        server => server.Services.Add(TestService.BindService(new ConformanceService(new Metadata.Entry("unused", "")))), options);

    private static GrpcChannel Connect(GrpcServer server) => GrpcChannel.ForAddress(server.Addresses.Single(), new GrpcChannelOptions
    {
        HttpHandler = new SocketsHttpHandler
        {
            KeepAlivePingDelay = TimeSpan.FromSeconds(1),
            KeepAlivePingTimeout = Bounded.Limit,
            KeepAlivePingPolicy = HttpKeepAlivePingPolicy.Always,
        },
        DisposeHttpClient = true,
    });

    private sealed class LogLines : ILoggerFactory, ILogger
    {
        public ConcurrentQueue<string> Lines { get; } = [];

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            Lines.Enqueue(formatter(state, exception));

        public bool IsEnabled(LogLevel logLevel) => true;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public void Dispose()
        {
            // It holds nothing.
        }
    }
}
