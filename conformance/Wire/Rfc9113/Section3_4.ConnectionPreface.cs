using System.Text;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 3.4: the preface of a client, and what arrives in its place.</summary>
public class Section3_4_ConnectionPreface
{
    private static readonly byte[] s_clientHello = [22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

    /// <summary>RFC 9113 section 3.4: the preface is these 24 octets.</summary>
    [Fact]
    public void The_preface_is_the_24_octets_of_the_rfc()
    {
        byte[] octets = FrameBytes.Hex("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a");
        Assert.Equal(octets, ConnectionPreface.Octets.ToArray());
        Assert.Equal(ConnectionPreface.Length, octets.Length);
    }

    [Fact]
    public void Every_truncation_of_the_preface_needs_more_and_the_whole_is_valid()
    {
        byte[] octets = ConnectionPreface.Octets.ToArray();
        for (int length = 0; length < octets.Length; length++)
        {
            Assert.Equal(PrefaceVerdict.NeedMore, ConnectionPreface.Judge(octets.AsSpan(0, length)));
        }

        Assert.Equal(PrefaceVerdict.Valid, ConnectionPreface.Judge(octets));
        Assert.Equal(PrefaceVerdict.Valid, ConnectionPreface.Judge([.. octets, 0, 0, 0, 4]));
    }

    /// <summary>RFC 9113 section 3.4: an invalid preface MUST be a connection error PROTOCOL_ERROR.</summary>
    [Fact]
    public void A_preface_with_any_octet_changed_is_not_valid_however_much_of_it_is_there()
    {
        for (int at = 0; at < ConnectionPreface.Length; at++)
        {
            byte[] octets = ConnectionPreface.Octets.ToArray();
            octets[at] ^= 0x80;
            for (int length = at + 1; length <= octets.Length; length++)
            {
                Assert.Equal(PrefaceVerdict.Unknown, ConnectionPreface.Judge(octets.AsSpan(0, length)));
            }
        }
    }

    [Fact]
    public void A_tls_client_hello_is_recognised_from_its_sixth_octet_on()
    {
        for (int length = 0; length <= s_clientHello.Length; length++)
        {
            PrefaceVerdict expected = length < 6 ? PrefaceVerdict.NeedMore : PrefaceVerdict.TlsClientHello;
            Assert.Equal(expected, ConnectionPreface.Judge(s_clientHello.AsSpan(0, length)));
        }
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(5)]
    public void A_tls_record_that_is_no_client_hello_is_unknown(int at)
    {
        byte[] octets = [.. s_clientHello];
        octets[at] ^= 0x40;
        Assert.Equal(PrefaceVerdict.Unknown, ConnectionPreface.Judge(octets));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("POST")]
    [InlineData("HEAD")]
    [InlineData("PUT")]
    [InlineData("OPTIONS")]
    [InlineData("DELETE")]
    [InlineData("CONNECT")]
    [InlineData("PATCH")]
    [InlineData("TRACE")]
    public void A_request_line_of_http_1_is_recognised_by_its_method(string method)
    {
        byte[] line = Encoding.ASCII.GetBytes(method + " / HTTP/1.1\r\nHost: a\r\n\r\n");
        for (int length = 0; length <= line.Length; length++)
        {
            PrefaceVerdict expected = length <= method.Length ? PrefaceVerdict.NeedMore : PrefaceVerdict.Http1Request;
            Assert.Equal(expected, ConnectionPreface.Judge(line.AsSpan(0, length)));
        }
    }

    [Theory]
    [InlineData("PROPFIND / HTTP/1.1")]
    [InlineData("GETAWAY / HTTP/1.1")]
    [InlineData("get / HTTP/1.1")]
    [InlineData("SSH-2.0-OpenSSH_9.6")]
    [InlineData("PRI * HTTP/1.1\r\n")]
    [InlineData("\0")]
    public void Anything_else_is_unknown(string start) =>
        Assert.Equal(PrefaceVerdict.Unknown, ConnectionPreface.Judge(Encoding.ASCII.GetBytes(start)));

    [Fact]
    public void Each_verdict_has_a_sentence_of_its_own()
    {
        string[] sentences = [.. Enum.GetValues<PrefaceVerdict>().Select(ConnectionPreface.Describe)];
        Assert.Equal(sentences.Length, sentences.Distinct().Count());
        Assert.All(sentences, sentence => Assert.EndsWith(".", sentence, StringComparison.Ordinal));
        Assert.Contains("TLS handshake", ConnectionPreface.Describe(PrefaceVerdict.TlsClientHello), StringComparison.Ordinal);
        Assert.Contains("HTTP/1.x request", ConnectionPreface.Describe(PrefaceVerdict.Http1Request), StringComparison.Ordinal);
    }
}
