using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Server;

/// <summary>The header blocks that a server sends over and over (fast path 1; see <see cref="PreparedFields"/>).</summary>
internal static class ResponseBlocks
{
    /// <summary>Response-Headers without custom metadata; also the start of Trailers-Only.</summary>
    public static readonly PreparedFields Headers = new((":status", "200"), ("content-type", "application/grpc"));

    /// <summary>Trailers of a call that went well.</summary>
    public static readonly PreparedFields TrailersOk = new(("grpc-status", "0"));

    /// <summary>The answer to a request that isn't POST.</summary>
    public static readonly PreparedFields MethodNotAllowed = new((":status", "405"), ("allow", "POST"));

    /// <summary>The answer to a request whose content-type isn't application/grpc.</summary>
    public static readonly PreparedFields UnsupportedMediaType = new((":status", "415"), ("accept-post", "application/grpc"));
}
