using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>One address: attempts that take their time, or that nobody waits for any more.</summary>
public sealed class SubchannelTests : IAsyncDisposable
{
    private readonly TimerCensus _time = new();
    private readonly MemoryEndPoint _endPoint = new("slow");
    private readonly ITransportListener _listener;
    private readonly TaskCompletionSource<CancellationToken> _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _release = new();
    private readonly MiniChannel _channel;

    public SubchannelTests()
    {
        _listener = _endPoint.Listen();
        _channel = MiniChannel.ForAddress("ipv4:192.0.2.1:1", new MiniChannelOptions { TimeProvider = _time, Connect = ConnectAsync });
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _listener.DisposeAsync();
    }

    /// <summary>The 20 seconds of an attempt are for all of it: what connecting has taken is gone.</summary>
    [Fact]
    public async Task A_silent_server_gets_what_connecting_has_left_of_the_time()
    {
        Task call = CallAsync();
        await RawPeer.Within(_asked.Task, "an attempt");
        _time.Advance(TimeSpan.FromSeconds(15));
        _release.SetResult();
        await RawPeer.Within(_listener.AcceptAsync().AsTask(), "the connection");
        await Eventually.IsTrueAsync(() => _channel.Core.Connections.Count == 1, "HTTP/2 to start");
        await Settling.OfAsync(_channel);
        _time.Advance(TimeSpan.FromSeconds(4.9));
        Assert.False(call.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(0.2));
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "");
    }

    [Fact]
    public async Task A_closed_channel_gives_attempts_up_and_keeps_no_connection_that_comes_too_late()
    {
        Task call = CallAsync();
        CancellationToken token = await RawPeer.Within(_asked.Task, "an attempt");
        await RawPeer.Within(_channel.DisposeAsync().AsTask(), "the channel to close");
        await TestChannel.AssertFailsAsync(call, StatusCode.Cancelled, "the channel was closed");
        await Eventually.IsCancelledAsync("the attempt to be given up", token);
        _release.SetResult(); // it isn't, and connects all the same
        ITransport? late = await RawPeer.Within(_listener.AcceptAsync().AsTask(), "the connection");
        await SilentServers.AssertClosedAsync(late!);
    }

    [Fact]
    public async Task An_attempt_that_fails_when_the_channel_was_closed_is_not_to_be_repeated()
    {
        Task call = CallAsync();
        await RawPeer.Within(_asked.Task, "an attempt");
        await RawPeer.Within(_channel.DisposeAsync().AsTask(), "the channel to close");
        await TestChannel.AssertFailsAsync(call, StatusCode.Cancelled, "the channel was closed");
        _release.SetException(new IOException("too late")); // what comes of it runs here
        await Settling.OfAsync(_channel);
        Assert.Equal(0, _time.MadeBy<Subchannel>());
    }

    /// <summary>A server that takes long to say anything and then turns the client away has been of no use, however long that took.</summary>
    [Fact]
    public async Task What_a_connection_took_to_be_made_is_no_time_that_it_was_of_use()
    {
        Task connected = _channel.ConnectAsync(TestContext.Current.CancellationToken);
        _release.SetResult();
        await using RawServer server = new((await RawPeer.Within(_listener.AcceptAsync().AsTask(), "the connection"))!);
        await Eventually.IsTrueAsync(() => _channel.Core.Connections.Count == 1, "HTTP/2 to start");
        await Settling.OfAsync(_channel);
        _time.Advance(TimeSpan.FromSeconds(5));
        await server.StartAsync();
        await RawPeer.Within(connected, "the channel to connect");
        await server.DisposeAsync();
        await Eventually.IsTrueAsync(() => _channel.State != ConnectivityState.Ready, "the connection to be left");
        Assert.Equal(ConnectivityState.TransientFailure, _channel.State);
    }

    private async ValueTask<ITransport> ConnectAsync(CancellationToken token)
    {
        _asked.TrySetResult(token);
        await _release.Task;
        return _endPoint.Connect();
    }

    private Task CallAsync() => _channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, default, []).ResponseAsync;
}
