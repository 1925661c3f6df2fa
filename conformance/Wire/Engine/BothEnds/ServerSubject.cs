using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>Our server, and a raw client.</summary>
internal sealed class ServerSubject : Subject
{
    private readonly TestServer _server = new(options => options.MaxConcurrentStreams = 2);
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RawClient _client = null!;
    private int _lastId = 1;

    private ServerSubject()
    {
        _server.Service.Unary = async (request, context) =>
        {
            await TestService.UntilCancelledAsync(context, _started);
            return request;
        };
        _server.Service.Duplex = (_, _, _) => Task.CompletedTask;
    }

    public override RawPeer Peer => _client;

    public override int LastStreamId => _lastId;

    public override string[] HeaderFields { get; } = RawClient.RequestFields("Collect");

    public override string[] TrailerFields { get; } = ["late=x"];

    public static async Task<ServerSubject> StartAsync()
    {
        var subject = new ServerSubject();
        subject._client = await subject._server.StartAsync();
        await subject._client.AssertWorksAsync(1, "Collect");
        await subject.AssertCallEndsAsync(1); // its answer comes a moment before its handler counts as returned
        await subject._client.RoundTripAsync();
        return subject;
    }

    public override async Task<int> BringAsync(StateName state)
    {
        switch (state)
        {
            case StateName.Zero:
                return 0;
            case StateName.Idle:
                return 3;
            case StateName.Even:
                await _client.AssertWorksAsync(_lastId = 3, "Collect"); // a higher one was opened, and still it is idle
                return 2;
            case StateName.Ended:
                return 1;
            case StateName.Skipped:
                await _client.AssertWorksAsync(_lastId = 5, "Collect");
                return 3;
            case StateName.Refused:
                await _client.RequestAsync(3, "Collect");
                await _client.RequestAsync(5, "Collect");
                await _client.RequestAsync(_lastId = 7, "Collect");
                await _client.ExpectResetAsync(7, ErrorCode.RefusedStream);
                await _client.DataAsync(5, [], endStream: true);
                await _client.ResponseAsync(5);
                return 7;
            default:
                _lastId = 3;
                await BringThreeAsync(state);
                await _client.RoundTripAsync();
                return 3;
        }
    }

    public override async Task<int> BringStalledAsync()
    {
        _server.Service.Duplex = async (_, _, context) => await TestService.UntilCancelledAsync(context);
        await _client.RequestAsync(_lastId = 3, "Duplex");
        await FillWindowAsync(3);
        return 3;
    }

    public override void OnSent(string frame, int id)
    {
        if ((id & 1) != 0 && frame.Split('|')[0] is "HEADERS" or "trailers")
        {
            _lastId = int.Max(_lastId, id);
        }
    }

    public override void AssertCallGoesOn() => Assert.Equal(1, _server.Core.RunningCalls);

    public override async Task AssertAnsweredAsync(int id)
    {
        Assert.Equal("0", (await _client.ResponseAsync(id)).Status);
        await AssertCallEndsAsync(id);
    }

    /// <summary>The call on the stream ends: for a server, it is no longer counted.</summary>
    public override Task AssertCallEndsAsync(int id) => Eventually.IsTrueAsync(() => _server.Core.RunningCalls == 0, "the handler to return");

    public override Task AssertWorksAsync() => _client.AssertWorksAsync(_lastId += 2, "Collect");

    public override Task AssertLostAsync() => _server.AssertEndedAsync();

    public override ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task BringThreeAsync(StateName state)
    {
        switch (state)
        {
            case StateName.Open:
                await _client.RequestAsync(3, "Collect");
                break;
            case StateName.HalfClosedRemote:
                await _client.RequestAsync(3, "Unary");
                await _client.DataAsync(3, RawClient.Message(1), endStream: true);
                await RawPeer.Within(_started.Task, "the handler to start");
                break;
            case StateName.ResetByPeer:
                await _client.RequestAsync(3, "Collect");
                await _client.SendAsync(o => RstStreamFrame.Write(o, 3, ErrorCode.Cancel));
                break;
            case StateName.ResetByUs:
                await _client.HeadersAsync(3, endStream: false, ":method=POST");
                await _client.ExpectResetAsync(3, ErrorCode.ProtocolError);
                break;
            case StateName.Answered:
                await _client.RequestAsync(3, "Duplex");
                await _client.ResponseAsync(3);
                await _client.ExpectResetAsync(3, ErrorCode.NoError);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(state), state, "a server's stream is never in this state");
        }
    }
}
