using System.Text;
using CsCheck;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 8.3: pseudo-header fields; section 8.1: none in trailers; section 8.5: CONNECT; section 8.6: 101.</summary>
public class Section8_3_ControlData
{
    private const string Request = "Request";
    private const string Response = "Response";
    private const string Trailers = "Trailers";

    [Theory]
    [InlineData(Request, ":method=POST", ":scheme=http", ":path=/a/B", ":authority=h:1", "te=trailers", "content-type=application/grpc")]
    [InlineData(Request, ":path=/", ":authority=", ":scheme=https", ":method=GET")]
    [InlineData(Request, ":method=OPTIONS", ":scheme=http", ":path=*")]
    [InlineData(Request, ":method=CONNECT", ":authority=h:443")]
    [InlineData(Response, ":status=200", "content-type=application/grpc")]
    [InlineData(Response, ":status=100")]
    [InlineData(Trailers, "grpc-status=0", "grpc-message=")]
    [InlineData(Trailers)]
    public void A_message_with_what_it_needs_is_well_formed(string kind, params string[] fields) =>
        Assert.Null(JudgeMessage(kind, fields));

    /// <summary>RFC 9113 section 8.3.1: a request MUST have exactly one :method, :scheme and :path.</summary>
    [Theory]
    [InlineData(":scheme=http", ":path=/")]
    [InlineData(":method=POST", ":path=/")]
    [InlineData(":method=POST", ":scheme=http")]
    [InlineData("content-type=application/grpc")]
    [InlineData]
    [Requirement("9113-8.3.1-14")]
    [Requirement("9113-8.3.1-15")]
    public void A_request_without_method_scheme_or_path_is_malformed(params string[] fields) =>
        IsMalformed(JudgeMessage(Request, fields), "8.3.1");

    /// <summary>RFC 9113 section 8.3.1: :path MUST NOT be empty.</summary>
    [Fact]
    [Requirement("9113-8.3.1-11")]
    public void An_empty_path_is_malformed() =>
        IsMalformed(JudgeMessage(Request, ":method=POST", ":scheme=http", ":path="), "8.3.1");

    /// <summary>RFC 9113 section 8.3.1: a valid :method is a token, a valid :scheme what a URI's scheme may be.</summary>
    [Theory]
    [InlineData(":method=")]
    [InlineData(":method=PO ST")]
    [InlineData(":method=POST,")]
    [InlineData(":method=P\u00f6ST")]
    [InlineData(":scheme=")]
    [InlineData(":scheme=http:")]
    [InlineData(":scheme=ht tp")]
    [InlineData(":scheme=h_p")]
    [Requirement("9113-8.3.1-14")]
    public void A_method_or_scheme_that_cannot_be_one_is_malformed(string field)
    {
        string[] others = field.StartsWith(":method", StringComparison.Ordinal) ? [":scheme=http", ":path=/"] : [":method=POST", ":path=/"];
        IsMalformed(JudgeMessage(Request, [field, .. others]), "8.3.1");
    }

    /// <summary>RFC 9113 section 8.3.1: :authority has no userinfo.</summary>
    [Theory]
    [InlineData("user@host")]
    [InlineData("user:secret@host:443")]
    [InlineData("@host")]
    [Requirement("9113-8.3.1-10")]
    public void An_authority_with_userinfo_is_malformed(string authority) =>
        IsMalformed(JudgeMessage(Request, ":method=POST", ":scheme=http", ":path=/", ":authority=" + authority), "8.3.1");

    /// <summary>RFC 9113 section 8.6: 101 is not supported.</summary>
    [Fact]
    [Requirement("9113-8.6-1")]
    public void The_status_101_is_malformed() => IsMalformed(JudgeMessage(Response, ":status=101"), "8.6");

    /// <summary>RFC 9113 section 8.5: CONNECT has :authority, and MUST NOT have :scheme or :path.</summary>
    [Theory]
    [InlineData(":method=CONNECT")]
    [InlineData(":method=CONNECT", ":authority=h:1", ":path=/")]
    [InlineData(":method=CONNECT", ":authority=h:1", ":scheme=http")]
    [InlineData(":method=CONNECT", ":scheme=http", ":path=/", ":authority=h:1")]
    [Requirement("9113-8.5-1")]
    public void A_connect_request_with_other_control_data_is_malformed(params string[] fields) =>
        IsMalformed(JudgeMessage(Request, fields), "8.5");

    /// <summary>RFC 9113 section 8.3.2: a response MUST have :status.</summary>
    [Fact]
    [Requirement("9113-8.3.2-2")]
    public void A_response_without_status_is_malformed()
    {
        IsMalformed(JudgeMessage(Response), "8.3.2");
        IsMalformed(JudgeMessage(Response, "content-type=application/grpc"), "8.3.2");
    }

    [Theory]
    [InlineData("")]
    [InlineData("20")]
    [InlineData("2000")]
    [InlineData("2x0")]
    [InlineData("/00")]
    [InlineData("20:")]
    [InlineData("+20")]
    public void A_status_other_than_three_digits_is_malformed(string status) =>
        IsMalformed(JudgeMessage(Response, ":status=" + status), "8.3.2");

    /// <summary>RFC 9113 section 8.3: the same pseudo-header field MUST NOT appear more than once.</summary>
    [Theory]
    [InlineData(Request, ":method=POST")]
    [InlineData(Request, ":method=CONNECT")]
    [InlineData(Request, ":scheme=http")]
    [InlineData(Request, ":path=/")]
    [InlineData(Request, ":authority=h")]
    [InlineData(Response, ":status=200")]
    [Requirement("9113-8.3-8")]
    public void A_pseudo_header_field_that_is_there_twice_is_malformed(string kind, string field) =>
        IsMalformed(JudgeMessage(kind, field, field), "8.3");

    /// <summary>RFC 9113 section 8.3: pseudo-header fields MUST stand before regular ones.</summary>
    [Theory]
    [InlineData(Request, ":method=POST", "a=b", ":path=/")]
    [InlineData(Request, "te=trailers", ":method=POST")]
    [InlineData(Response, "a=b", ":status=200")]
    [Requirement("9113-8.3-6")]
    public void A_pseudo_header_field_behind_a_regular_one_is_malformed(string kind, params string[] fields) =>
        IsMalformed(JudgeMessage(kind, fields), "8.3");

    /// <summary>RFC 9113 section 8.3: undefined pseudo-header fields, and those of the other kind, MUST be malformed.</summary>
    [Theory]
    [InlineData(Request, ":status=200")]
    [InlineData(Request, ":protocol=websocket")]
    [InlineData(Request, ":=x")]
    [InlineData(Request, ":Path=/")]
    [InlineData(Request, ":patX=/")]
    [InlineData(Request, ":pathx=/")]
    [InlineData(Request, ":metho=x")]
    [InlineData(Request, ":methoD=x")]
    [InlineData(Request, ":authoritX=x")]
    [InlineData(Request, ":schemX=x")]
    [InlineData(Response, ":method=POST")]
    [InlineData(Response, ":scheme=http")]
    [InlineData(Response, ":path=/")]
    [InlineData(Response, ":authority=h")]
    [InlineData(Response, ":statuX=200")]
    [Requirement("9113-8.3-4")]
    public void A_pseudo_header_field_that_is_unknown_or_of_the_other_kind_is_malformed(string kind, string field) =>
        IsMalformed(JudgeMessage(kind, field), "8.3");

    /// <summary>RFC 9113 section 8.1: trailers MUST NOT include pseudo-header fields.</summary>
    [Theory]
    [InlineData(":status=200")]
    [InlineData(":path=/")]
    [InlineData(":x=y")]
    [Requirement("9113-8.1-5")]
    public void A_pseudo_header_field_in_trailers_is_malformed(string field) =>
        IsMalformed(JudgeMessage(Trailers, "grpc-status=0", field), "8.1");

    /// <summary>RFC 9113 section 8.3.1: a request whose host differs from its :authority SHOULD be treated as malformed.</summary>
    [Theory]
    [InlineData("h:1", "h:1", false)]
    [InlineData("h:1", "h:2", true)]
    [InlineData("h:1", "H:1", true)]
    [InlineData("h", "h:80", true)]
    [InlineData("h:80", "h", true)]
    [InlineData("", "h", true)]
    [InlineData("h", "", true)]
    [InlineData("", "", false)]
    [Requirement("9113-8.3.1-5")]
    public void A_host_has_to_be_the_authority(string authority, string host, bool malformed)
    {
        ProtocolError? error = JudgeMessage(
            Request, ":method=POST", ":scheme=http", ":path=/", ":authority=" + authority, "host=" + host);
        if (malformed)
        {
            IsMalformed(error, "8.3.1");
        }
        else
        {
            Assert.Null(error);
        }
    }

    [Fact]
    public void A_host_is_compared_to_an_authority_of_any_length_though_its_octets_are_gone() =>
        Gen.Select(Gen.Char['a', 'c'].Array[60, 70], Gen.Int[-1, 100]).Sample(
            (letters, changeAt) =>
            {
                byte[] authority = Encoding.ASCII.GetBytes(letters);
                byte[] host = [.. authority];
                bool same = changeAt < 0 || changeAt >= host.Length;
                if (!same)
                {
                    host[changeAt] ^= 0x10;
                }

                var rules = new FieldRules(FieldRules.Kind.Request);
                Assert.Null(rules.Check(":authority"u8, authority));
                authority.AsSpan().Clear();
                return same == rules.Check("host"u8, host) is null;
            },
            iter: 500);

    [Fact]
    public void A_host_without_authority_is_fine() =>
        Assert.Null(JudgeMessage(Request, ":method=POST", ":scheme=http", ":path=/", "host=h"));

    [Fact]
    [Requirement("9113-8.3.1-5")]
    public void A_second_host_that_differs_is_malformed() =>
        IsMalformed(
            JudgeMessage(Request, ":method=POST", ":scheme=http", ":path=/", ":authority=h", "host=h", "host=g"), "8.3.1");

    [Fact]
    public void A_good_message_is_judged_without_allocating()
    {
        JudgeGoodRequest();
        long before = GC.GetAllocatedBytesForCurrentThread();
        JudgeGoodRequest();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static void JudgeGoodRequest()
    {
        var rules = new FieldRules(FieldRules.Kind.Request);
        bool good = rules.Check(":method"u8, "POST"u8) is null
            && rules.Check(":scheme"u8, "http"u8) is null
            && rules.Check(":path"u8, "/service/Method"u8) is null
            && rules.Check(":authority"u8, "localhost:50051"u8) is null
            && rules.Check("te"u8, "trailers"u8) is null
            && rules.Check("content-type"u8, "application/grpc"u8) is null
            && rules.Check("host"u8, "localhost:50051"u8) is null
            && rules.Complete() is null;
        Assert.True(good);
    }

    /// <summary>The first error of a message whose fields are written as name=value.</summary>
    private static ProtocolError? JudgeMessage(string kind, params string[] fields)
    {
        var rules = new FieldRules(Enum.Parse<FieldRules.Kind>(kind));
        foreach (string field in fields)
        {
            string[] parts = field.Split('=', 2);
            if (rules.Check(Encoding.ASCII.GetBytes(parts[0]), Encoding.ASCII.GetBytes(parts[1])) is { } error)
            {
                return error;
            }
        }

        return rules.Complete();
    }

    private static void IsMalformed(ProtocolError? error, string section) =>
        FrameBytes.IsStreamError(error, 0, ErrorCode.ProtocolError, section);
}
