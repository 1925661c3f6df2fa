namespace MiniGrpc.Samples.Tour;

/// <summary>What fields, settings and flags mean, in a few words. Each is told once, where it first appears.</summary>
internal sealed class Glossary
{
    private readonly HashSet<string> _told = [];

    private static readonly Dictionary<string, string> s_meanings = new()
    {
        ["END_HEADERS"] = "the field block is complete",

        ["ENABLE_PUSH"] = "0: push me nothing",
        ["INITIAL_WINDOW_SIZE"] = "my credit for each stream",
        ["MAX_FRAME_SIZE"] = "the longest frame I take",
        ["MAX_HEADER_LIST_SIZE"] = "the longest list of fields",
        ["MAX_CONCURRENT_STREAMS"] = "calls open at a time",

        [":method"] = "gRPC always uses POST",
        [":scheme"] = "no TLS here",
        [":path"] = "/package.Service/Method",
        [":authority"] = "whom the call is for",
        ["content-type"] = "this is gRPC",
        ["te"] = "trailers are welcome",
        ["user-agent"] = "the client's library",
        ["grpc-accept-encoding"] = "compressions I understand",
        ["grpc-timeout"] = "two seconds, in µs",

        [":status"] = "HTTP is fine so far",
        ["grpc-status"] = "how the call went: 0 is OK",
        ["grpc-message"] = "UTF-8, percent-encoded",
    };

    /// <summary>The meaning of a name that has not been told yet, otherwise nothing.</summary>
    public string Tell(string name) => _told.Add(name) ? s_meanings.GetValueOrDefault(name, "") : "";
}
