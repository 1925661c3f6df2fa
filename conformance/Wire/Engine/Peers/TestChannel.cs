using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A real channel whose server is driven by hand, one connection after the other.</summary>
internal sealed class TestChannel : IAsyncDisposable
{
    private readonly MemoryEndPoint _endPoint = new("test");
    private readonly ITransportListener _listener;
    private readonly List<RawServer> _servers = [];

    public TestChannel(Action<MiniChannelOptions>? configure = null)
    {
        var options = new MiniChannelOptions { Tls = OverTls.IsOn ? OverTls.Client : null };
        configure?.Invoke(options);
        _listener = _endPoint.Listen();
        Channel = MiniChannel.ForEndPoint(_endPoint, options);
        Invoker = Channel.CreateCallInvoker();
    }

    public MiniChannel Channel { get; }

    public CallInvoker Invoker { get; }

    /// <summary>The channel's next connection, of which nothing was read yet.</summary>
    public async Task<RawServer> AcceptAsync()
    {
        ITransport? transport = await RawPeer.Within(_listener.AcceptAsync().AsTask(), "the channel to connect");
        var server = new RawServer(OverTls.WrapServer(transport!), transport);
        _servers.Add(server);
        return server;
    }

    /// <summary>The channel's next connection, started.</summary>
    public async Task<RawServer> StartAsync(params (SettingId Id, uint Value)[] settings)
    {
        RawServer server = await AcceptAsync();
        await server.StartAsync(settings);
        return server;
    }

    public AsyncUnaryCall<byte[]> Unary(byte[] request, CallOptions options = default) =>
        Invoker.AsyncUnaryCall(TestService.UnaryMethod, null, options, request);

    public AsyncClientStreamingCall<byte[], byte[]> Collect(CallOptions options = default) =>
        Invoker.AsyncClientStreamingCall(TestService.ClientStreamingMethod, null, options);

    public AsyncServerStreamingCall<byte[]> Spread(byte[] request, CallOptions options = default) =>
        Invoker.AsyncServerStreamingCall(TestService.ServerStreamingMethod, null, options, request);

    public AsyncDuplexStreamingCall<byte[], byte[]> Duplex(CallOptions options = default) =>
        Invoker.AsyncDuplexStreamingCall(TestService.DuplexMethod, null, options);

    /// <summary>The end of a call that must fail.</summary>
    public static async Task<Status> FailureAsync(Task call)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => RawPeer.Within(call, "the call to end"));
        return e.Status;
    }

    /// <summary>Asserts that a call fails with a status, whose detail says why.</summary>
    public static async Task AssertFailsAsync(Task call, StatusCode code, string detail)
    {
        Status status = await FailureAsync(call);
        Assert.True(code == status.StatusCode, $"{status} instead of {code}");
        Assert.Contains(detail, status.Detail, StringComparison.Ordinal);
    }

    /// <summary>The channel's first connection, when a call on it has come and gone and it is quiet.</summary>
    public async Task<RawServer> StartWithOneCallAsync()
    {
        Task<byte[]> call = Unary([1]).ResponseAsync;
        RawServer server = await StartAsync();
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 2);
        await RawPeer.Within(call, "the response");
        await server.RoundTripAsync();
        return server;
    }

    /// <summary>A whole call on a connection, to see that it still works.</summary>
    public async Task AssertWorksAsync(RawServer server, int id)
    {
        using AsyncUnaryCall<byte[]> call = Unary([1, 2, 3]);
        (RawFrame head, byte[] data) = await server.RequestAsync(id);
        Assert.Equal("/test/Unary", head[":path"]);
        Assert.Equal(RawClient.Message(1, 2, 3), data);
        await server.ReplyAsync(id, 4, 5);
        Assert.Equal([4, 5], await RawPeer.Within(call.ResponseAsync, "the response"));
    }

    /// <summary>Asserts that nothing is left of any call on the connection.</summary>
    public async Task AssertQuietAsync(RawServer server)
    {
        await server.RoundTripAsync();
        Http2Connection? connection = Internals.ReadyConnectionOf(Channel);
        Assert.NotNull(connection);
        Internals.AssertQuiet(connection);
        Assert.Equal(server.ConnectionCredit, Internals.ReceiveCreditOf(connection));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (RawServer server in _servers)
        {
            await server.DisposeAsync();
        }

        await RawPeer.Within(Channel.DisposeAsync().AsTask(), "the channel to close");
        await _listener.DisposeAsync();
    }
}
