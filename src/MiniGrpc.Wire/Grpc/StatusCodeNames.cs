namespace MiniGrpc.Wire.Grpc;

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

    /// <summary>The name of a code. A program may end a call with any number; what is no code is UNKNOWN, as the client takes it.</summary>
    public static string Of(int code) => (uint)code < (uint)s_names.Length ? s_names[code] : s_names[(int)GrpcStatusCode.Unknown];

    /// <summary>The code of a name, in any case; false when there is none of that name.</summary>
    public static bool TryParse(string name, out GrpcStatusCode code)
    {
        int index = Array.FindIndex(s_names, known => string.Equals(known, name, StringComparison.OrdinalIgnoreCase));
        code = (GrpcStatusCode)index;
        return index >= 0;
    }
}
