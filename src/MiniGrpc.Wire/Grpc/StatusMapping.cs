namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// Between gRPC status codes and what else a stream can end with: an HTTP status without a <c>grpc-status</c>
/// (http-grpc-status-mapping.md), and an RST_STREAM (gRPC over HTTP/2, "Errors").
/// </summary>
internal static class StatusMapping
{
    // The error codes of RFC 9113 section 7, as numbers: this folder does not know the HTTP/2 folder.
    private const uint NoError = 0x0;
    private const uint InternalError = 0x2;
    private const uint RefusedStream = 0x7;
    private const uint Cancel = 0x8;
    private const uint EnhanceYourCalm = 0xb;
    private const uint InadequateSecurity = 0xc;

    /// <summary>
    /// The status of a call whose response has no <c>grpc-status</c>: most likely something between client and server
    /// answered. 200 is not OK here, since a server that succeeded would have said so in the trailers.
    /// </summary>
    public static GrpcStatusCode FromHttpStatus(int httpStatus) => httpStatus switch
    {
        400 => GrpcStatusCode.Internal,
        401 => GrpcStatusCode.Unauthenticated,
        403 => GrpcStatusCode.PermissionDenied,
        404 => GrpcStatusCode.Unimplemented,
        429 => GrpcStatusCode.Unavailable,
        431 => GrpcStatusCode.Internal,
        502 or 503 or 504 => GrpcStatusCode.Unavailable,
        _ => GrpcStatusCode.Unknown,
    };

    /// <summary>
    /// The status of a call that the peer ended with RST_STREAM. A server that reads a reset of a client takes any code as
    /// the call's cancellation.
    /// </summary>
    /// <remarks>
    /// STREAM_CLOSED and HTTP_1_1_REQUIRED have no row in the table. They and codes that nobody has defined count as
    /// INTERNAL_ERROR, as RFC 9113 section 7 suggests for the latter.
    /// </remarks>
    public static GrpcStatusCode FromRstStream(uint http2ErrorCode) => http2ErrorCode switch
    {
        RefusedStream => GrpcStatusCode.Unavailable,
        Cancel => GrpcStatusCode.Cancelled,
        EnhanceYourCalm => GrpcStatusCode.ResourceExhausted,
        InadequateSecurity => GrpcStatusCode.PermissionDenied,
        _ => GrpcStatusCode.Internal,
    };

    /// <summary>What the table adds to the status of some codes, to stand behind the code's name in a sentence.</summary>
    public static string ExplainRstStream(uint http2ErrorCode) => http2ErrorCode switch
    {
        EnhanceYourCalm => " (which to gRPC means that the bandwidth is exhausted)",
        InadequateSecurity => " (the connection is not secure enough for the call)",
        _ => "",
    };

    /// <summary>The error code of the RST_STREAM that ends a stream for the reason <paramref name="code"/>.</summary>
    /// <remarks>
    /// The code that the table of <see cref="FromRstStream"/> leads back from, where there is one. UNAVAILABLE is not sent as
    /// REFUSED_STREAM: that promises that nothing was processed and invites the peer to repeat the call, and only who refuses
    /// a stream at its start can promise it. A deadline that passed is a cancellation (gRPC over HTTP/2, "Client Cancellation").
    /// </remarks>
    public static uint ToRstStream(GrpcStatusCode code) => code switch
    {
        GrpcStatusCode.Ok => NoError,
        GrpcStatusCode.Cancelled or GrpcStatusCode.DeadlineExceeded or GrpcStatusCode.Unavailable => Cancel,
        GrpcStatusCode.ResourceExhausted => EnhanceYourCalm,
        GrpcStatusCode.PermissionDenied => InadequateSecurity,
        _ => InternalError,
    };

    /// <summary>
    /// Reads the value of <c>grpc-status</c>; false, and UNKNOWN, when it is no decimal number. A number without a name is
    /// UNKNOWN too. Leading zeros are accepted, though no sender should write them.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> grpcStatus, out GrpcStatusCode code)
    {
        code = GrpcStatusCode.Unknown;
        int number = 0;
        foreach (byte digit in grpcStatus)
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            // Held below 1000, past all names, so that no number of digits overflows.
            number = int.Min((number * 10) + (digit - '0'), 999);
        }

        if (number <= (int)GrpcStatusCode.Unauthenticated && !grpcStatus.IsEmpty)
        {
            code = (GrpcStatusCode)number;
        }

        return !grpcStatus.IsEmpty;
    }
}
