namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// How a call ended, as <c>grpc-status</c> carries it in the trailers: a decimal number from this list.
/// The numbers and names are those of the gRPC status code document (statuscodes.md).
/// </summary>
internal enum GrpcStatusCode : byte
{
    /// <summary>The call succeeded.</summary>
    Ok = 0,

    /// <summary>The call was cancelled, mostly by the client's program.</summary>
    Cancelled = 1,

    /// <summary>A handler failed without saying how, or the status that arrived is not one of this list.</summary>
    Unknown = 2,

    /// <summary>The request is wrong whatever state the server is in. Chosen by programs only.</summary>
    InvalidArgument = 3,

    /// <summary>The deadline passed before the status arrived.</summary>
    DeadlineExceeded = 4,

    /// <summary>What was asked for does not exist. Chosen by programs only.</summary>
    NotFound = 5,

    /// <summary>What should be created exists. Chosen by programs only.</summary>
    AlreadyExists = 6,

    /// <summary>The caller is known and may not do this.</summary>
    PermissionDenied = 7,

    /// <summary>A limit was met: a quota, memory, the size of a message.</summary>
    ResourceExhausted = 8,

    /// <summary>The system is not in a state in which this can be done. Chosen by programs only.</summary>
    FailedPrecondition = 9,

    /// <summary>A conflict with something concurrent; the larger operation may be tried again. Chosen by programs only.</summary>
    Aborted = 10,

    /// <summary>Past the end of a valid range. Chosen by programs only.</summary>
    OutOfRange = 11,

    /// <summary>The server has no such method, or no such compression.</summary>
    Unimplemented = 12,

    /// <summary>The protocol itself broke: bad framing, a message that can't be decoded.</summary>
    Internal = 13,

    /// <summary>The server can't be reached at the moment; trying again may help.</summary>
    Unavailable = 14,

    /// <summary>Data are lost beyond recovery. Chosen by programs only.</summary>
    DataLoss = 15,

    /// <summary>The caller's credentials are missing or wrong.</summary>
    Unauthenticated = 16,
}
