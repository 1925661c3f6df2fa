namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Which end of the connection this is. All that RFC 9113 lets differ between the two ends follows from it:
/// who sends the preface, who opens streams, and which kind of header list comes in.
/// </summary>
internal enum Role : byte
{
    /// <summary>Opens streams with odd identifiers; receives responses.</summary>
    Client,

    /// <summary>Accepts streams with odd identifiers; receives requests. Push is not used: it opens none.</summary>
    Server,
}
