namespace MiniGrpc.Wire.Http2;

/// <summary>How much an error ends (RFC 9113 section 5.4).</summary>
internal enum ErrorScope : byte
{
    /// <summary>Everything: answered with GOAWAY, then the connection is closed (section 5.4.1).</summary>
    Connection,

    /// <summary>One stream: answered with RST_STREAM, the others go on (section 5.4.2).</summary>
    Stream,
}

/// <summary>
/// A rule of HTTP/2 that the peer broke: how much it ends, the code that tells the peer, the section of RFC 9113 that was
/// broken, and a sentence for people. The same value becomes GOAWAY or RST_STREAM, a line in the log, and what the
/// user of the library sees.
/// </summary>
/// <param name="Scope">Whether the connection ends or one stream.</param>
/// <param name="Code">The error code that is sent to the peer.</param>
/// <param name="Section">The section of RFC 9113 that was broken, such as <c>6.5</c>.</param>
/// <param name="Reason">What the peer did, as a clause without a full stop.</param>
/// <param name="StreamId">The stream that ends; 0 for a connection error, and where the stream is not yet known.</param>
internal sealed record ProtocolError(ErrorScope Scope, ErrorCode Code, string Section, string Reason, int StreamId = 0)
{
    /// <summary>The limit that the peer has passed, a property of <see cref="AbuseLimits"/> or of the options; null for a rule of the RFC.</summary>
    public string? Limit { get; init; }

    /// <summary>What GOAWAY carries as debug data where peers look for a certain text; null for the error as a sentence.</summary>
    public string? DebugData { get; init; }

    /// <summary>An error that ends the connection (RFC 9113 section 5.4.1).</summary>
    public static ProtocolError Connection(ErrorCode code, string section, string reason) =>
        new(ErrorScope.Connection, code, section, reason);

    /// <summary>An error that ends one stream (RFC 9113 section 5.4.2).</summary>
    public static ProtocolError Stream(int streamId, ErrorCode code, string section, string reason) =>
        new(ErrorScope.Stream, code, section, reason, streamId);

    /// <summary>The error as one sentence.</summary>
    public override string ToString()
    {
        string what = Scope switch
        {
            ErrorScope.Connection => "connection error",
            _ when StreamId == 0 => "stream error",
            _ => $"stream {StreamId} error",
        };
        return $"{what} {ErrorCodes.Name(Code)}: {Reason} (RFC 9113 section {Section})";
    }
}
