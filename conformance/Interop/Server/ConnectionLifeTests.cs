using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>gRFC A9: connections that the server gives up take no call with them.</summary>
public sealed class ConnectionLifeTests
{
    private const int Workers = 8;

    /// <summary>As many as show that it is no accident that no call was lost.</summary>
    private const int Connections = 8;

    [Theory, Matrix]
    public async Task Connections_that_are_aged_out_under_load_lose_no_call(IClientPeer peer)
    {
        await using GrpcServer server = await StartAsync(new GrpcServerOptions { MaxConnectionAge = TimeSpan.FromMilliseconds(300) });
        await using IClientChannel channel = Connect(peer, server);
        TestService.TestServiceClient client = new(channel.Channel);
        ConcurrentDictionary<string, bool> connections = [];

        async Task WorkAsync(Kind kind)
        {
            while (connections.Count < Connections)
            {
                Outcome outcome = await AnyCall.RunAsync(client, kind, default, new Request { Answer = new Answer { Count = 3, Size = 1000 } });
                outcome.AssertEndedWith(StatusCode.OK);
                connections[outcome.Responses[^1].Peer] = true;
            }
        }

        Kind[] kinds = Enum.GetValues<Kind>();
        await Task.WhenAll(Enumerable.Range(0, Workers).Select(i => Task.Run(() => WorkAsync(kinds[i % kinds.Length])))).WithinLimit("so many connections");
    }

    [Theory, Matrix]
    public async Task A_call_that_outlasts_its_connection_s_grace_ends_with_UNAVAILABLE(IClientPeer peer)
    {
        FakeTimeProvider time = new();
        await using GrpcServer server = await StartAsync(new GrpcServerOptions
        {
            TimeProvider = time,
            MaxConnectionAge = TimeSpan.FromMinutes(1),
            MaxConnectionAgeGrace = TimeSpan.FromMinutes(2),
            AbuseLimits = new AbuseLimits { SettingsTimeout = Timeout.InfiniteTimeSpan }, // the clock doesn't wait for the client
        });
        await using IClientChannel channel = Connect(peer, server);
        TestService.TestServiceClient client = new(channel.Channel);
        using AsyncDuplexStreamingCall<Request, Response> call = client.Bidi();
        await call.RequestStream.WriteAsync(new Request()).WithinLimit("a request");
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("a response"));

        time.Advance(TimeSpan.FromMinutes(1.2));
        await call.RequestStream.WriteAsync(new Request()).WithinLimit("a request on the old connection");
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("a response on the old connection"));
        Task<bool> read = call.ResponseStream.MoveNext(CancellationToken.None);
        time.Advance(TimeSpan.FromMinutes(2));

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => read.WithinLimit("the end of the call"));

        // The official client goes by what it finds inside of the exception: an error of the socket is UNAVAILABLE, an end without one INTERNAL.
        Assert.True(e.StatusCode == StatusCode.Unavailable || (e.StatusCode == StatusCode.Internal && peer is GrpcNetClientPeer), e.Message);
        (await AnyCall.RunAsync(client, Kind.Unary, default, new Request())).AssertEndedWith(StatusCode.OK);
    }

    [Theory, Matrix]
    public async Task A_channel_whose_idle_connection_was_given_up_gets_another_one(IClientPeer peer)
    {
        // So short that the connection's other time limits are far away from it, since the clock doesn't wait for the client.
        TimeSpan idle = TimeSpan.FromMilliseconds(10);
        FakeTimeProvider time = new();
        await using GrpcServer server = await StartAsync(new GrpcServerOptions { TimeProvider = time, MaxConnectionIdle = idle });
        await using IClientChannel channel = Connect(peer, server);
        TestService.TestServiceClient client = new(channel.Channel);
        HashSet<string> connections = [];

        async Task WorkAsync()
        {
            while (connections.Count < Connections)
            {
                // The call comes at whatever moment of the connection's end.
                connections.Add((await client.UnaryAsync(new Request()).ResponseAsync.WithinLimit("the response")).Peer);
                time.Advance(idle);
            }
        }

        await WorkAsync().WithinLimit("so many connections");
    }

    private static async Task<GrpcServer> StartAsync(GrpcServerOptions options)
    {
        GrpcServer server = new(options);
        server.Services.Add(TestService.BindService(new ConformanceService(new Metadata.Entry("unused", ""))));
        server.Listen("http://127.0.0.1:0");
        await server.StartAsync();
        return server;
    }

    private static IClientChannel Connect(IClientPeer peer, GrpcServer server) =>
        peer.Connect(new ServerAddress(Transport.Tcp, server.Addresses.Single()), ClientSetup.Default);
}
