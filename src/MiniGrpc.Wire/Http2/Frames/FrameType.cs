namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>The kind of a frame (RFC 9113 section 6). Unknown numbers are legal and their frames are ignored (section 4.1).</summary>
internal enum FrameType : byte
{
    /// <summary>Octets of a request or response body (section 6.1).</summary>
    Data = 0x00,

    /// <summary>The start of a header block, which opens a stream, answers it, or ends it with trailers (section 6.2).</summary>
    Headers = 0x01,

    /// <summary>A priority signal, deprecated (section 6.3).</summary>
    Priority = 0x02,

    /// <summary>The immediate end of a stream (section 6.4).</summary>
    RstStream = 0x03,

    /// <summary>What the sender is able to receive (section 6.5).</summary>
    Settings = 0x04,

    /// <summary>The announcement of a stream that the server starts by itself (section 6.6).</summary>
    PushPromise = 0x05,

    /// <summary>A round trip: liveness and latency (section 6.7).</summary>
    Ping = 0x06,

    /// <summary>The end of the connection, graceful or not (section 6.8).</summary>
    GoAway = 0x07,

    /// <summary>Credit for more DATA (section 6.9).</summary>
    WindowUpdate = 0x08,

    /// <summary>The rest of a header block (section 6.10).</summary>
    Continuation = 0x09,
}
