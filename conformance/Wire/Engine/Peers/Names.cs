namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>Frame types for test data: the engine's own enumeration isn't public.</summary>
public enum FrameTypeName : byte
{
    Data = 0,
    Headers = 1,
    Priority = 2,
    RstStream = 3,
    Settings = 4,
    PushPromise = 5,
    Ping = 6,
    GoAway = 7,
    WindowUpdate = 8,
    Continuation = 9,
    Unknown = 0x7e,
}

/// <summary>Error codes for test data: the engine's own enumeration isn't public.</summary>
public enum ErrorName : byte
{
    NoError = 0,
    ProtocolError = 1,
    InternalError = 2,
    FlowControlError = 3,
    StreamClosed = 5,
    FrameSizeError = 6,
    RefusedStream = 7,
    Cancel = 8,
    CompressionError = 9,
    EnhanceYourCalm = 0xb,
    InadequateSecurity = 0xc,
    Http11Required = 0xd,
}

/// <summary>Which end is ours, for test data.</summary>
public enum EndName
{
    Server,
    Client,
}
