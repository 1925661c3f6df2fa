namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Why a stream or a connection ends, as it travels in RST_STREAM and GOAWAY (RFC 9113 section 7).
/// </summary>
/// <remarks>
/// One space of codes serves streams and connections. A code that is not listed here is legal and keeps its number:
/// it says no more than that something ended.
/// </remarks>
internal enum ErrorCode : uint
{
    /// <summary>Nothing is wrong: a graceful GOAWAY, or a stream whose request is no longer of interest.</summary>
    NoError = 0x00,

    /// <summary>The peer broke a rule that has no code of its own.</summary>
    ProtocolError = 0x01,

    /// <summary>The sender of the code failed, not the peer.</summary>
    InternalError = 0x02,

    /// <summary>More DATA than the window allowed, or a window past 2^31-1.</summary>
    FlowControlError = 0x03,

    /// <summary>A SETTINGS frame was never acknowledged.</summary>
    SettingsTimeout = 0x04,

    /// <summary>A frame for a stream whose sender had already ended it.</summary>
    StreamClosed = 0x05,

    /// <summary>A frame of impossible length.</summary>
    FrameSizeError = 0x06,

    /// <summary>The stream was refused before any of it was processed, so that it is safe to try again.</summary>
    RefusedStream = 0x07,

    /// <summary>The stream is no longer wanted.</summary>
    Cancel = 0x08,

    /// <summary>The HPACK state of the connection is lost.</summary>
    CompressionError = 0x09,

    /// <summary>The TCP connection behind a CONNECT request failed.</summary>
    ConnectError = 0x0a,

    /// <summary>The peer generates more load than is reasonable.</summary>
    EnhanceYourCalm = 0x0b,

    /// <summary>TLS is too weak for HTTP/2.</summary>
    InadequateSecurity = 0x0c,

    /// <summary>The request has to be made over HTTP/1.1.</summary>
    Http11Required = 0x0d,
}

/// <summary>The names of error codes as RFC 9113 section 7 spells them.</summary>
internal static class ErrorCodes
{
    /// <summary>The RFC's spelling of <paramref name="code"/>, or its number in hexadecimal when the RFC has none.</summary>
    public static string Name(ErrorCode code) => code switch
    {
        ErrorCode.NoError => "NO_ERROR",
        ErrorCode.ProtocolError => "PROTOCOL_ERROR",
        ErrorCode.InternalError => "INTERNAL_ERROR",
        ErrorCode.FlowControlError => "FLOW_CONTROL_ERROR",
        ErrorCode.SettingsTimeout => "SETTINGS_TIMEOUT",
        ErrorCode.StreamClosed => "STREAM_CLOSED",
        ErrorCode.FrameSizeError => "FRAME_SIZE_ERROR",
        ErrorCode.RefusedStream => "REFUSED_STREAM",
        ErrorCode.Cancel => "CANCEL",
        ErrorCode.CompressionError => "COMPRESSION_ERROR",
        ErrorCode.ConnectError => "CONNECT_ERROR",
        ErrorCode.EnhanceYourCalm => "ENHANCE_YOUR_CALM",
        ErrorCode.InadequateSecurity => "INADEQUATE_SECURITY",
        ErrorCode.Http11Required => "HTTP_1_1_REQUIRED",
        _ => $"0x{(uint)code:x}",
    };
}
