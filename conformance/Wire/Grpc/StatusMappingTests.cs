using System.Text;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>statuscodes.md, http-grpc-status-mapping.md, and gRPC over HTTP/2, "Errors": <see cref="StatusMapping"/>.</summary>
public class StatusMappingTests
{
    [Fact]
    [Requirement("grpc-statuses-1")]
    public void The_status_codes_have_the_numbers_of_the_document()
    {
        string[] names =
        [
            "Ok", "Cancelled", "Unknown", "InvalidArgument", "DeadlineExceeded", "NotFound", "AlreadyExists", "PermissionDenied",
            "ResourceExhausted", "FailedPrecondition", "Aborted", "OutOfRange", "Unimplemented", "Internal", "Unavailable", "DataLoss",
            "Unauthenticated",
        ];

        Assert.Equal(names, Enumerable.Range(0, 17).Select(number => ((GrpcStatusCode)number).ToString()));
        Assert.Equal(17, Enum.GetValues<GrpcStatusCode>().Length);
    }

    [Fact]
    [Requirement("grpc-mapping-1")]
    public void A_response_without_a_grpc_status_is_mapped_by_its_HTTP_status()
    {
        var rows = new Dictionary<int, GrpcStatusCode>
        {
            [400] = GrpcStatusCode.Internal,
            [401] = GrpcStatusCode.Unauthenticated,
            [403] = GrpcStatusCode.PermissionDenied,
            [404] = GrpcStatusCode.Unimplemented,
            [429] = GrpcStatusCode.Unavailable,
            [431] = GrpcStatusCode.Internal,
            [502] = GrpcStatusCode.Unavailable,
            [503] = GrpcStatusCode.Unavailable,
            [504] = GrpcStatusCode.Unavailable,
        };

        for (int status = 0; status <= 1000; status++)
        {
            // "All other codes: UNKNOWN", 200 among them.
            Assert.Equal(rows.GetValueOrDefault(status, GrpcStatusCode.Unknown), StatusMapping.FromHttpStatus(status));
        }
    }

    [Fact]
    [Requirement("grpc-errors-3")]
    public void A_reset_stream_is_mapped_by_its_error_code()
    {
        GrpcStatusCode[] rows =
        [
            GrpcStatusCode.Internal, // NO_ERROR
            GrpcStatusCode.Internal, // PROTOCOL_ERROR
            GrpcStatusCode.Internal, // INTERNAL_ERROR
            GrpcStatusCode.Internal, // FLOW_CONTROL_ERROR
            GrpcStatusCode.Internal, // SETTINGS_TIMEOUT
            GrpcStatusCode.Internal, // STREAM_CLOSED: no row in the table
            GrpcStatusCode.Internal, // FRAME_SIZE_ERROR
            GrpcStatusCode.Unavailable, // REFUSED_STREAM
            GrpcStatusCode.Cancelled, // CANCEL
            GrpcStatusCode.Internal, // COMPRESSION_ERROR
            GrpcStatusCode.Internal, // CONNECT_ERROR
            GrpcStatusCode.ResourceExhausted, // ENHANCE_YOUR_CALM
            GrpcStatusCode.PermissionDenied, // INADEQUATE_SECURITY
            GrpcStatusCode.Internal, // HTTP_1_1_REQUIRED: no row in the table
        ];

        Assert.Equal(rows, Enumerable.Range(0, rows.Length).Select(code => StatusMapping.FromRstStream((uint)code)));
        // RFC 9113 section 7: an unknown code may be taken as INTERNAL_ERROR.
        Assert.Equal(GrpcStatusCode.Internal, StatusMapping.FromRstStream(14));
        Assert.Equal(GrpcStatusCode.Internal, StatusMapping.FromRstStream(uint.MaxValue));
    }

    [Fact]
    public void A_stream_is_reset_with_the_code_that_tells_its_reason()
    {
        foreach (GrpcStatusCode code in Enum.GetValues<GrpcStatusCode>())
        {
            uint expected = code switch
            {
                GrpcStatusCode.Ok => 0x0,
                GrpcStatusCode.Cancelled or GrpcStatusCode.DeadlineExceeded or GrpcStatusCode.Unavailable => 0x8,
                GrpcStatusCode.ResourceExhausted => 0xb,
                GrpcStatusCode.PermissionDenied => 0xc,
                _ => 0x2,
            };

            Assert.Equal(expected, StatusMapping.ToRstStream(code));
        }
    }

    [Fact]
    public void No_status_claims_that_a_stream_was_refused()
    {
        // RFC 9113 section 8.7: REFUSED_STREAM says that nothing was processed, and that the request can be repeated.
        Assert.DoesNotContain(0x7u, Enum.GetValues<GrpcStatusCode>().Select(StatusMapping.ToRstStream));
    }

    [Fact]
    [Requirement("grpc-statuses-2")]
    [Requirement("grpc-responses-8")]
    public void Every_status_number_is_read_and_a_number_without_a_name_is_unknown()
    {
        for (int number = 0; number <= 1200; number++)
        {
            GrpcStatusCode expected = number <= 16 ? (GrpcStatusCode)number : GrpcStatusCode.Unknown;

            Assert.True(StatusMapping.TryParse(Encoding.ASCII.GetBytes($"{number}"), out GrpcStatusCode code));
            Assert.Equal(expected, code);
        }
    }

    [Theory]
    [InlineData("00", GrpcStatusCode.Ok)]
    [InlineData("07", GrpcStatusCode.PermissionDenied)]
    [InlineData("000000000000000000013", GrpcStatusCode.Internal)]
    [InlineData("4294967296", GrpcStatusCode.Unknown)]
    [InlineData("18446744073709551616", GrpcStatusCode.Unknown)]
    [InlineData("100000000000000000000000000000000000000000000000000000000000", GrpcStatusCode.Unknown)]
    public void Leading_zeros_and_huge_numbers_do_no_harm(string value, object expected)
    {
        Assert.True(StatusMapping.TryParse(Encoding.ASCII.GetBytes(value), out GrpcStatusCode code));
        Assert.Equal(expected, code);
    }

    [Theory]
    [InlineData("")]
    [InlineData("-1")]
    [InlineData("+1")]
    [InlineData(" 1")]
    [InlineData("1 ")]
    [InlineData("0x1")]
    [InlineData("1a")]
    [InlineData("OK")]
    [InlineData("/")]
    [InlineData(":")]
    [InlineData("9999999999x")]
    public void A_status_that_is_no_number_is_malformed_and_unknown(string value)
    {
        // statuscodes.md: "Error parsing returned status: UNKNOWN".
        Assert.False(StatusMapping.TryParse(Encoding.ASCII.GetBytes(value), out GrpcStatusCode code));
        Assert.Equal(GrpcStatusCode.Unknown, code);
    }
}
