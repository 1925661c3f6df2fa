using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// What the <see cref="ReceiveSide"/> reports to about the connection; what belongs to one stream goes to that stream.
/// Everything is called on the receive loop in the order of the frames, and returns at once. A returned error is a stream
/// error, or ends the connection, as its scope says.
/// </summary>
internal interface IReceiveSink
{
    /// <summary>Whether so many answers wait to be sent that no more frames are to be taken for now. Changed by other threads.</summary>
    bool IsBacklogged { get; }

    /// <summary>The peer opens stream <paramref name="id"/> (server only): its object, or null to refuse it.</summary>
    Http2Stream? OpenStream(int id);

    /// <summary>Streams that we have opened since the last call (client only), linked by <see cref="Http2Stream.NextOpened"/>.</summary>
    Http2Stream? TakeOpened();

    /// <summary>A frame of the peer has closed a stream: it no longer counts, and nothing more can be sent on it.</summary>
    void OnClosed(Http2Stream stream);

    /// <summary>The peer has broken a rule on one stream; <paramref name="stream"/> is null when there is no object for it.</summary>
    void OnStreamError(Http2Stream? stream, ProtocolError error);

    /// <summary>The peer's SETTINGS, to be applied and acknowledged.</summary>
    ProtocolError? OnSettings(in SettingsFrame frame);

    /// <summary>The peer has acknowledged ours.</summary>
    void OnSettingsAcknowledged();

    /// <summary>A PING, or the answer to ours.</summary>
    ProtocolError? OnPing(in PingFrame frame, long now);

    /// <summary>The peer will end the connection.</summary>
    void OnGoAway(in GoAwayFrame frame);

    /// <summary>The peer grants more octets on a stream, or on the connection when <paramref name="stream"/> is null.</summary>
    ProtocolError? OnWindowUpdate(Http2Stream? stream, int increment);

    /// <summary>The peer grants octets on a stream that has ended, as it may not have known yet.</summary>
    ProtocolError? OnLateWindowUpdate();

    /// <summary>The connection's window is due for a WINDOW_UPDATE of <paramref name="increment"/>, perhaps with the PING of <see cref="PathProbe"/>.</summary>
    void OnConnectionCredit(int increment, bool withPing);
}
