using System.Buffers;
using System.Text;
using CsCheck;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>gRPC over HTTP/2, Status-Message: <see cref="PercentEncoding"/>.</summary>
public class StatusMessageTests
{
    [Fact]
    [Requirement("grpc-responses-9")]
    public void Space_and_visible_ASCII_but_percent_stand_for_themselves_and_all_other_ASCII_is_escaped()
    {
        for (int octet = 0; octet < 128; octet++)
        {
            // Percent-Byte-Unencoded: %x20-%x24 / %x26-%x7E.
            bool plain = octet is (>= 0x20 and <= 0x24) or (>= 0x26 and <= 0x7e);
            string expected = plain ? $"a{(char)octet}b" : $"a%{octet:X2}b";

            Assert.Equal(expected, Encode($"a{(char)octet}b"));
            Assert.Equal($"a{(char)octet}b", Decode(expected));
        }
    }

    [Theory]
    [InlineData("", "")]
    [InlineData("é", "%C3%A9")]
    [InlineData("☺", "%E2%98%BA")]
    [InlineData("😈", "%F0%9F%98%88")]
    [InlineData("100%", "100%25")]
    [InlineData("\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n",
        "%09%0Atest with whitespace%0D%0Aand Unicode BMP %E2%98%BA and non-BMP %F0%9F%98%88%09%0A")]
    [Requirement("grpc-responses-9")]
    public void Text_is_escaped_as_UTF8(string message, string encoded)
    {
        Assert.Equal(encoded, Encode(message));
        Assert.Equal(message, Decode(encoded));
    }

    [Theory]
    [InlineData(" ", "%20")]
    [InlineData("  ", "%20%20")]
    [InlineData("   ", "%20 %20")]
    [InlineData(" a b ", "%20a b%20")]
    [InlineData("a ", "a%20")]
    [InlineData(" é", "%20%C3%A9")]
    public void A_space_at_either_end_is_escaped(string message, string encoded)
    {
        // RFC 9113 section 8.2.1: a field value MUST NOT start or end with an ASCII whitespace character.
        Assert.Equal(encoded, Encode(message));
        Assert.Equal(message, Decode(encoded));
    }

    [Fact]
    public void A_lone_surrogate_is_encoded_as_the_replacement_character()
    {
        Assert.Equal("a%EF%BF%BDb", Encode("a\ud800b"));
        Assert.Equal("%EF%BF%BD", Encode("\udc00"));
        Assert.Equal("%EF%BF%BD", Encode("\ud83d"));
        Assert.Equal("%EF%BF%BD%EF%BF%BD", Encode("\udc00\ud800"));
    }

    [Fact]
    public void Every_character_of_Unicode_survives()
    {
        var all = new StringBuilder();
        for (int rune = 0; rune <= 0x10ffff; rune += rune < 0x3000 ? 1 : 61)
        {
            if (Rune.IsValid(rune))
            {
                all.Append(new Rune(rune));
            }
        }

        string message = all.ToString();
        Assert.Equal(message, Decode(Encode(message)));
    }

    [Fact]
    public void Decoding_undoes_encoding()
    {
        Gen<string> runes = Gen.Int[0, 0x10ffff].Where(Rune.IsValid).Select(r => new Rune(r).ToString());
        Gen<string> ascii = Gen.Char[(char)0, (char)127].Select(c => c.ToString());
        Gen.OneOf(ascii, runes).Array[0, 50].Select(string.Concat).Sample(
            message =>
            {
                byte[] encoded = PercentEncoding.Encode(message);
                Assert.Equal(message, PercentEncoding.Decode(encoded));
                Assert.All(encoded, octet => Assert.InRange(octet, 0x20, 0x7e));
            },
            iter: 500);
    }

    [Theory]
    [InlineData("%")]
    [InlineData("%%")]
    [InlineData("%4")]
    [InlineData("%zz")]
    [InlineData("%4g")]
    [InlineData("%g4")]
    [InlineData("% 4")]
    [InlineData("%+4")]
    [InlineData("%-1")]
    [Requirement("grpc-responses-10")]
    public void A_broken_escape_stays_as_it_is_wherever_it_stands(string broken)
    {
        // "When decoding invalid values, implementations MUST NOT error or throw away the message."
        Assert.Equal(broken, Decode(broken));
        Assert.Equal($"%{broken}", Decode($"%25{broken}"));
        Assert.Equal($"one%{broken}", Decode($"one%25{broken}"));
        Assert.Equal($"{broken}: done%", Decode($"{broken}: done%25"));
    }

    [Fact]
    public void A_percent_sign_in_front_of_an_escape_stays_as_it_is() => Assert.Equal("%A", Decode("%%41"));

    [Fact]
    public void Lower_case_digits_are_read() => Assert.Equal("☺", Decode("%e2%98%ba"));

    [Theory]
    [InlineData("%FF", "\ufffd")]
    [InlineData("a%C3b", "a\ufffdb")]
    [InlineData("%C3", "\ufffd")]
    [InlineData("%ED%A0%80", "\ufffd\ufffd\ufffd")]
    [InlineData("%80%41", "\ufffdA")]
    [Requirement("grpc-responses-10")]
    public void Octets_that_are_no_UTF8_become_the_replacement_character(string encoded, string expected) =>
        Assert.Equal(expected, Decode(encoded));

    [Fact]
    public void Octets_that_a_peer_did_not_escape_are_read_as_UTF8()
    {
        Assert.Equal("☺", PercentEncoding.Decode("☺"u8));
        Assert.Equal("☺%☺", PercentEncoding.Decode("☺%25%E2%98%BA"u8));
        Assert.Equal("\ufffd", PercentEncoding.Decode([0xff]));
    }

    [Fact]
    [Requirement("grpc-responses-10")]
    public void Any_octets_decode_to_something() =>
        Gen.OneOf(Gen.Byte, Gen.Const((byte)'%'), Gen.Byte[(byte)'0', (byte)'9']).Array[0, 60].Sample(
            octets => Assert.True(octets.Length == 0 || PercentEncoding.Decode(octets).Length > 0),
            iter: 500);

    [Fact]
    public void Encoding_reports_the_octets_written()
    {
        var output = new ArrayBufferWriter<byte>();

        Assert.Equal("%20a%C3%A9%25%20".Length, PercentEncoding.Encode(" aé% ", output));
        Assert.Equal("%20a%C3%A9%25%20"u8, output.WrittenSpan);
    }

    private static string Encode(string message) => Encoding.ASCII.GetString(PercentEncoding.Encode(message));

    private static string Decode(string encoded) => PercentEncoding.Decode(Encoding.ASCII.GetBytes(encoded));
}
