namespace MiniGrpc.Wire.Http2;

/// <summary>The states of a stream (RFC 9113 section 5.1, figure 2). Seen from this side: "local" is what we do.</summary>
internal enum StreamState : byte
{
    /// <summary>Nothing was sent or received yet.</summary>
    Idle,

    /// <summary>We promised the stream with PUSH_PROMISE.</summary>
    ReservedLocal,

    /// <summary>The peer promised the stream with PUSH_PROMISE.</summary>
    ReservedRemote,

    /// <summary>Both sides may send.</summary>
    Open,

    /// <summary>We have sent END_STREAM; the peer may still send.</summary>
    HalfClosedLocal,

    /// <summary>The peer has sent END_STREAM; we may still send.</summary>
    HalfClosedRemote,

    /// <summary>Both have ended, or one has reset the stream.</summary>
    Closed,
}

/// <summary>
/// What can happen to a stream. HEADERS stands for the whole header block with its CONTINUATION frames; END_STREAM is part
/// of the input so that a frame is one transition, where the figure takes two.
/// </summary>
internal enum StreamInput : byte
{
    /// <summary>We send HEADERS without END_STREAM.</summary>
    SendHeaders,

    /// <summary>We send HEADERS with END_STREAM.</summary>
    SendHeadersEndStream,

    /// <summary>We send DATA without END_STREAM.</summary>
    SendData,

    /// <summary>We send DATA with END_STREAM.</summary>
    SendDataEndStream,

    /// <summary>We promise this stream.</summary>
    SendPushPromise,

    /// <summary>We send RST_STREAM.</summary>
    SendRstStream,

    /// <summary>We send WINDOW_UPDATE for this stream.</summary>
    SendWindowUpdate,

    /// <summary>The peer sends HEADERS without END_STREAM.</summary>
    ReceiveHeaders,

    /// <summary>The peer sends HEADERS with END_STREAM.</summary>
    ReceiveHeadersEndStream,

    /// <summary>The peer sends DATA without END_STREAM.</summary>
    ReceiveData,

    /// <summary>The peer sends DATA with END_STREAM.</summary>
    ReceiveDataEndStream,

    /// <summary>The peer promises this stream.</summary>
    ReceivePushPromise,

    /// <summary>The peer sends RST_STREAM.</summary>
    ReceiveRstStream,

    /// <summary>The peer sends WINDOW_UPDATE for this stream.</summary>
    ReceiveWindowUpdate,

    /// <summary>The peer sends PRIORITY for this stream.</summary>
    ReceivePriority,
}
