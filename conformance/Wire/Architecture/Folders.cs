namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>The folders of MiniGrpc.Wire, and which of them may know which.</summary>
internal static class Folders
{
    private const string Root = "MiniGrpc.Wire";

    /// <summary>
    /// Public types that users name stand in the namespace MiniGrpc.Wire itself, so that a user needs one using directive,
    /// but in the folder that they belong to.
    /// </summary>
    private static readonly Dictionary<string, string> s_folderOfRootType = new()
    {
        ["ICompressionProvider"] = "Grpc",
        ["GzipCompressionProvider"] = "Grpc",
        ["DeflateCompressionProvider"] = "Grpc",
        ["AbuseLimits"] = "Http2",
        ["RateLimit"] = "Http2",
        ["PemFiles"] = "Transport",
        ["MemoryEndPoint"] = "Transport",
        ["WireFrame"] = "Connection",
        ["AsyncStreamReaderExtensions"] = "Calls",
    };

    /// <summary>
    /// The directions, and nothing points back. Http2 → Hpack; Connection → Http2 and Transport; Calls → Connection and Grpc.
    /// Who may know a folder may know what stands below it: Calls puts fields into Http2's lists and says how HPACK is to
    /// index them, and the wire trace in Connection keeps HPACK decoders of its own. Buffers is a leaf that everybody uses,
    /// Diagnostics one for those who have something to tell listeners.
    /// </summary>
    public static IReadOnlyDictionary<string, string[]> MayKnow { get; } = new Dictionary<string, string[]>
    {
        ["Buffers"] = [],
        ["Diagnostics"] = [],
        ["Hpack"] = ["Buffers"],
        ["Http2"] = ["Hpack", "Buffers"],
        ["Grpc"] = ["Buffers"],
        ["Transport"] = ["Buffers"],
        ["Connection"] = ["Http2", "Hpack", "Transport", "Buffers", "Diagnostics"],
        ["Calls"] = ["Connection", "Grpc", "Http2", "Hpack", "Buffers"],
    };

    /// <summary>The folder of a type of MiniGrpc.Wire; null for one that has none, or for a type of another assembly.</summary>
    public static string? Of(TypeName type)
    {
        if (type.Namespace == Root)
        {
            return s_folderOfRootType.GetValueOrDefault(type.Name);
        }

        return type.IsBelow(Root) ? type.Namespace[(Root.Length + 1)..].Split('.')[0] : null;
    }
}
