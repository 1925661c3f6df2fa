namespace MiniGrpc.Wire.Http2;

/// <summary>What became of something handed to the <see cref="SendSide"/>.</summary>
internal enum SendResult : byte
{
    /// <summary>It will be sent; the writer may go on.</summary>
    Accepted,

    /// <summary>It will be sent, but the stream's queue is full: <see cref="Http2Stream.OnSendCapacity"/> says when to go on.</summary>
    AcceptedFull,

    /// <summary>The stream or the connection has ended; nothing was sent.</summary>
    Closed,
}

/// <summary>What came of the try to open a stream.</summary>
internal enum OpenResult : byte
{
    /// <summary>The stream is open and its header block is on its way.</summary>
    Opened,

    /// <summary>The peer's MAX_CONCURRENT_STREAMS is reached: try again when a stream has ended.</summary>
    AtLimit,

    /// <summary>The header list is larger than the peer's MAX_HEADER_LIST_SIZE: it would only be refused.</summary>
    TooLarge,

    /// <summary>The connection takes no new streams: it has ended, GOAWAY was received, or the identifiers are used up.</summary>
    GoingAway,
}
