namespace MiniGrpc.Wire.Http2;

/// <summary>What an entry of a SETTINGS frame is about (RFC 9113 section 6.5.2). Unknown numbers are legal and ignored.</summary>
internal enum SettingId : ushort
{
    /// <summary>The largest HPACK dynamic table that the sender's decoder keeps, in octets. Starts at 4096.</summary>
    HeaderTableSize = 0x01,

    /// <summary>Whether the sender, a client, accepts PUSH_PROMISE. Starts at 1.</summary>
    EnablePush = 0x02,

    /// <summary>How many streams the peer may have open at a time. Starts without limit.</summary>
    MaxConcurrentStreams = 0x03,

    /// <summary>The window that a stream starts with, in octets. Starts at 65,535.</summary>
    InitialWindowSize = 0x04,

    /// <summary>The longest frame payload that the sender takes, in octets. Starts at 16,384.</summary>
    MaxFrameSize = 0x05,

    /// <summary>The largest header list that the sender takes, in octets before compression. Starts without limit; advisory.</summary>
    MaxHeaderListSize = 0x06,

    /// <summary>Whether extended CONNECT may be used (RFC 8441). MiniGrpc has no use for it: named for traces only.</summary>
    EnableConnectProtocol = 0x08,

    /// <summary>Whether priorities are those of RFC 9218. MiniGrpc ignores priorities: named for traces only.</summary>
    NoRfc7540Priorities = 0x09,
}
