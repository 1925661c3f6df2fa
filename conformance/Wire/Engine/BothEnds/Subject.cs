using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>The states of a stream as our end sees them, and identifiers that never name an open stream.</summary>
public enum StateName
{
    /// <summary>The connection itself.</summary>
    Zero,

    /// <summary>An identifier of a client that was not used yet.</summary>
    Idle,

    /// <summary>An identifier of a server, which never opens a stream.</summary>
    Even,

    /// <summary>Passed over when a later stream was opened (server only).</summary>
    Skipped,

    /// <summary>Both ends may send. On a client: before the response has begun.</summary>
    Open,

    /// <summary>Our client has ended its request, and the response has not begun.</summary>
    HalfClosedLocal,

    /// <summary>Our client has ended its request, and the response has begun.</summary>
    Responding,

    /// <summary>The client has ended its request, and our server has not answered yet.</summary>
    HalfClosedRemote,

    /// <summary>Both ends have ended it.</summary>
    Ended,

    /// <summary>The peer has reset it.</summary>
    ResetByPeer,

    /// <summary>We have reset it.</summary>
    ResetByUs,

    /// <summary>Our server has answered before the request's end, and asked by RST_STREAM for no more of it.</summary>
    Answered,

    /// <summary>Our server has refused it.</summary>
    Refused,
}

/// <summary>
/// One of our ends, connected to a raw peer, that can be brought into any state. Stream 1 has carried a call to its end, so that
/// there is something for GOAWAY to name and an encoder's table to keep in step.
/// </summary>
internal abstract class Subject : IAsyncDisposable
{
    /// <summary>The other end.</summary>
    public abstract RawPeer Peer { get; }

    /// <summary>What GOAWAY has to name: the last stream that the peer has opened.</summary>
    public abstract int LastStreamId { get; }

    /// <summary>What the peer may start its half of a stream with.</summary>
    public abstract string[] HeaderFields { get; }

    /// <summary>What the peer may end its half with.</summary>
    public abstract string[] TrailerFields { get; }

    /// <summary>A new connection of <paramref name="end"/>.</summary>
    public static async Task<Subject> StartAsync(EndName end) =>
        end == EndName.Server ? await ServerSubject.StartAsync() : await ClientSubject.StartAsync();

    /// <summary>Brings a stream into <paramref name="state"/> and answers its identifier.</summary>
    public abstract Task<int> BringAsync(StateName state);

    /// <summary>Opens a stream whose window is used up with messages that nobody reads, and answers its identifier.</summary>
    public abstract Task<int> BringStalledAsync();

    /// <summary>Hears what frame was sent on a stream: HEADERS may have opened it.</summary>
    public virtual void OnSent(string frame, int id)
    {
    }

    /// <summary>Asserts that the call on the stream that was brought goes on.</summary>
    public abstract void AssertCallGoesOn();

    /// <summary>Asserts that the call on the stream is answered, or has its answer.</summary>
    public abstract Task AssertAnsweredAsync(int id);

    /// <summary>Asserts that the call on the stream that was brought ends, in whatever way.</summary>
    public abstract Task AssertCallEndsAsync(int id);

    /// <summary>Asserts that a new call on the connection works.</summary>
    public abstract Task AssertWorksAsync();

    /// <summary>Asserts that the connection has ended, with all calls on it, and what is to work without it works.</summary>
    public abstract Task AssertLostAsync();

    /// <summary>Sends messages until the stream's window is used up.</summary>
    protected async Task FillWindowAsync(int id)
    {
        byte[] message = RawClient.Message(new byte[16_384 - 5]);
        for (int left = new ReceiveLimits().StreamWindow; left > 0; left -= message.Length)
        {
            await Peer.DataAsync(id, message);
        }

        await Peer.AssertNothingOnAsync(id);
    }

    /// <summary>Asserts a connection error: GOAWAY with the code and the last stream, then the end.</summary>
    public async Task AssertConnectionErrorAsync(ErrorCode code, string section)
    {
        await Peer.ExpectGoAwayAndEndAsync(code, LastStreamId, section);
        await AssertLostAsync();
    }

    /// <summary>Asserts a stream error: RST_STREAM with the code and nothing more, and the connection goes on.</summary>
    public async Task AssertStreamErrorAsync(int id, ErrorCode code)
    {
        await Peer.ExpectResetAsync(id, code);
        await Peer.AssertNothingOnAsync(id);
        await AssertCallEndsAsync(id);
        await AssertWorksAsync();
    }

    public abstract ValueTask DisposeAsync();
}
