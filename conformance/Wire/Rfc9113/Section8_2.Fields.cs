using System.Text;
using CsCheck;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 8.2: the names and values of fields, and the fields that HTTP/2 has no room for.</summary>
public class Section8_2_Fields
{
    /// <summary>
    /// RFC 9113 section 8.2.1: a name has none of 0x00-0x20, 0x41-0x5a and 0x7f-0xff, no colon except in front, and SHOULD be
    /// a token, which rules out the delimiters as well.
    /// </summary>
    [Fact]
    [Requirement("9113-8.2.1-1")]
    [Requirement("9113-8.2.1-2")]
    [Requirement("9113-8.2.1-3")]
    public void Every_octet_is_allowed_in_a_name_or_not_wherever_it_stands()
    {
        for (int octet = 0; octet <= 255; octet++)
        {
            bool forbidden = octet is <= 0x20 or (>= 0x41 and <= 0x5a) or >= 0x7f || "\"(),/:;<=>?@[\\]{}".Contains((char)octet, StringComparison.Ordinal);
            for (int at = 0; at < 20; at++)
            {
                if (octet == ':' && at == 0)
                {
                    continue; // then it is a pseudo-header field: section 8.3
                }

                byte[] name = Encoding.ASCII.GetBytes("x-name-of-20-octets-");
                name[at] = (byte)octet;
                Expect(forbidden, name, "value"u8.ToArray());
            }
        }
    }

    [Fact]
    public void A_field_without_a_name_is_malformed() => Expect(malformed: true, [], "value"u8.ToArray());

    /// <summary>
    /// RFC 9113 section 8.2.1: a value has no NUL, LF or CR anywhere, nor a space or a tab at an end, and SHOULD have no other
    /// control characters, as in HTTP.
    /// </summary>
    [Fact]
    [Requirement("9113-8.2.1-1")]
    [Requirement("9113-8.2.1-4")]
    [Requirement("9113-8.2.1-5")]
    public void Every_octet_is_allowed_in_a_value_or_not_depending_on_where_it_stands()
    {
        for (int octet = 0; octet <= 255; octet++)
        {
            for (int at = 0; at < 40; at++)
            {
                bool atAnEnd = at is 0 or 39;
                bool forbidden = octet is (< 0x20 and not '\t') or 0x7f || (atAnEnd && octet is ' ' or '\t');
                byte[] value = Encoding.ASCII.GetBytes(new string('v', 40));
                value[at] = (byte)octet;
                Expect(forbidden, "x-name"u8.ToArray(), value);
            }
        }
    }

    [Theory]
    [InlineData("", false)]
    [InlineData(" ", true)]
    [InlineData("\t", true)]
    [InlineData("a", false)]
    [InlineData("a b", false)]
    public void The_shortest_values_are_judged_right(string value, bool malformed) =>
        Expect(malformed, "x-name"u8.ToArray(), Encoding.ASCII.GetBytes(value));

    /// <summary>RFC 9113 section 8.2.1: the rules hold for pseudo-header fields and trailers too.</summary>
    [Fact]
    public void A_line_break_in_a_pseudo_header_field_or_a_trailer_is_malformed()
    {
        var request = new FieldRules(FieldRules.Kind.Request);
        IsMalformed(request.Check(":path"u8, "/a\r\nx: y"u8), "8.2.1");

        var trailers = new FieldRules(FieldRules.Kind.Trailers);
        IsMalformed(trailers.Check("grpc-message"u8, "a\nb"u8), "8.2.1");
        IsMalformed(trailers.Check("Grpc-message"u8, "a"u8), "8.2.1");
    }

    /// <summary>RFC 9113 section 8.2.2: connection-specific fields MUST be treated as malformed.</summary>
    [Theory]
    [InlineData("connection")]
    [InlineData("proxy-connection")]
    [InlineData("keep-alive")]
    [InlineData("transfer-encoding")]
    [InlineData("upgrade")]
    [Requirement("9113-8.2.2-2")]
    public void A_field_about_the_connection_is_malformed_in_every_message(string name)
    {
        foreach (FieldRules.Kind kind in Enum.GetValues<FieldRules.Kind>())
        {
            var rules = new FieldRules(kind);
            IsMalformed(rules.Check(Encoding.ASCII.GetBytes(name), "x"u8), "8.2.2");
        }
    }

    [Fact]
    public void Names_as_long_as_the_forbidden_ones_are_fine() =>
        Gen.Char['a', 'z'].Array[1, 20].Select(letters => "z" + new string(letters)).Sample(
            name => new FieldRules(FieldRules.Kind.Request).Check(Encoding.ASCII.GetBytes(name), "x"u8) is null,
            iter: 300);

    /// <summary>RFC 9113 section 8.2.2: te MUST NOT contain anything but "trailers".</summary>
    [Theory]
    [InlineData("trailers", false)]
    [InlineData("Trailers", false)]
    [InlineData("", true)]
    [InlineData("gzip", true)]
    [InlineData("trailers, gzip", true)]
    [InlineData("trailer", true)]
    [Requirement("9113-8.2.2-3")]
    public void Te_is_trailers_or_malformed(string value, bool malformed)
    {
        var rules = new FieldRules(FieldRules.Kind.Request);
        ProtocolError? error = rules.Check("te"u8, Encoding.ASCII.GetBytes(value));
        if (malformed)
        {
            IsMalformed(error, "8.2.2");
        }
        else
        {
            Assert.Null(error);
        }
    }

    /// <summary>RFC 9113 section 8.2.2: te is about the connection as well, and allowed in requests alone.</summary>
    [Theory]
    [InlineData("Response")]
    [InlineData("Trailers")]
    [Requirement("9113-8.2.2-3")]
    public void Te_has_no_place_outside_of_requests(string kind)
    {
        var rules = new FieldRules(Enum.Parse<FieldRules.Kind>(kind));
        IsMalformed(rules.Check("te"u8, "trailers"u8), "8.2.2");
    }

    [Fact]
    public void The_sentence_about_a_bad_name_has_no_line_break_of_the_peer_in_it()
    {
        var rules = new FieldRules(FieldRules.Kind.Request);
        string sentence = rules.Check("a\nb\"\u007f"u8, default)!.ToString();
        Assert.StartsWith("stream error PROTOCOL_ERROR: field \"a\\x0ab\\\"\\x7f\" has a name", sentence, StringComparison.Ordinal);
    }

    [Fact]
    public void The_sentence_about_a_long_name_is_not_long()
    {
        var rules = new FieldRules(FieldRules.Kind.Request);
        byte[] name = new byte[100_000];
        Assert.InRange(rules.Check(name, default)!.ToString().Length, 100, 500);
    }

    private static void Expect(bool malformed, byte[] name, byte[] value)
    {
        var rules = new FieldRules(FieldRules.Kind.Request);
        ProtocolError? error = rules.Check(name, value);
        if (malformed)
        {
            IsMalformed(error, "8.2.1");
        }
        else
        {
            Assert.Null(error);
        }
    }

    private static void IsMalformed(ProtocolError? error, string section) =>
        FrameBytes.IsStreamError(error, 0, ErrorCode.ProtocolError, section);
}
