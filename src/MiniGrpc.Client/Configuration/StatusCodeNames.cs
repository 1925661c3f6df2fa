using Grpc.Core;

namespace MiniGrpc.Client.Configuration;

/// <summary>The names of the status codes as google.rpc.Code and gRPC's statuscodes.md spell them.</summary>
internal static class StatusCodeNames
{
    /// <summary>Each name stands at its code.</summary>
    private static readonly string[] s_names =
    [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE",
        "DATA_LOSS", "UNAUTHENTICATED",
    ];

    /// <summary>The code of a name, in any case; false when there is none of that name.</summary>
    public static bool TryParse(string name, out StatusCode code)
    {
        int index = Array.FindIndex(s_names, known => string.Equals(known, name, StringComparison.OrdinalIgnoreCase));
        code = (StatusCode)index;
        return index >= 0;
    }
}
