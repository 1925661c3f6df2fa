using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// What a connection asks of, and reports to, the server or channel it belongs to. Called on the receive loop unless it
/// says otherwise; must return at once and must not run user code.
/// </summary>
internal interface IConnectionOwner
{
    /// <summary>The peer opens a stream (server only): its object, or null to refuse it.</summary>
    Http2Stream? OpenStream(Http2Connection connection);

    /// <summary>The peer's first SETTINGS have come in: the connection works.</summary>
    void OnReady(Http2Connection connection);

    /// <summary>A stream may be opened that could not be before (client only). Called on any thread, outside the gate.</summary>
    void OnStreamsAvailable(Http2Connection connection);

    /// <summary>The peer will end the connection; no new stream may be opened on it.</summary>
    void OnGoAway(Http2Connection connection);

    /// <summary>The connection has ended, and all of its streams have been told. Its last octets may still be leaving.</summary>
    void OnEnded(Http2Connection connection, ConnectionEnd end);

    /// <summary>The transport is closed: nothing of the connection is left.</summary>
    void OnClosed(Http2Connection connection);
}

/// <summary>Why a connection ended.</summary>
/// <param name="Reason">One sentence, for logs and for the status of calls that were cut off.</param>
/// <param name="Error">The rule that was broken, by whichever end noticed, if that was it.</param>
/// <param name="Exception">What the transport said, if that was it.</param>
/// <param name="IsClean">Whether the end was asked for and every stream had ended.</param>
internal sealed record ConnectionEnd(string Reason, ProtocolError? Error = null, Exception? Exception = null, bool IsClean = false);
