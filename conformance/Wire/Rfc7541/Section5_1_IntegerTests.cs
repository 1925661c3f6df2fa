using CsCheck;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using static MiniGrpc.Conformance.Wire.Rfc7541.HpackTesting;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>RFC 7541 section 5.1: integers with a prefix.</summary>
public class Section5_1_IntegerTests
{
    public static TheoryData<int> PrefixSizes => [1, 2, 3, 4, 5, 6, 7, 8];

    [Theory]
    [MemberData(nameof(PrefixSizes))]
    [Requirement("7541-5.1-1")]
    public void Boundary_values_come_back_for_every_prefix_and_every_truncation_is_an_error(int prefixBits)
    {
        int maximum = (1 << prefixBits) - 1;
        int[] offsets = [0, 1, 127, 128, 129, 16383, 16384, 2097151, 2097152, 268435455, 268435456];
        int[] values = [0, maximum - 1, int.MaxValue - 1, int.MaxValue, .. offsets.Select(offset => maximum + offset)];
        foreach (int value in values)
        {
            CheckRoundTrip(prefixBits, value);
        }
    }

    [Fact]
    public void Any_value_comes_back_for_any_prefix()
    {
        Gen.Select(Gen.Int[1, 8], Gen.OneOf(Gen.Int[0, int.MaxValue], Gen.Int[0, 1000]))
            .Sample(CheckRoundTrip, iter: 2000, threads: 1);
    }

    [Theory]
    [InlineData(5, "1f 80", 31 + 0)]
    [InlineData(5, "1f 81", 31 + 1)]
    [InlineData(5, "1f 9a 8a", 1337)]
    public void Padding_with_zeros_is_accepted_up_to_five_octets(int prefixBits, string beginning, int value)
    {
        for (string digits = beginning; Hex(digits).Length <= 5; digits += "80")
        {
            byte[] octets = Hex(digits + "00");
            int position = 0;
            Assert.Null(PrefixedInteger.Read(octets, ref position, prefixBits, out int read));
            Assert.Equal(value, read);
            Assert.Equal(octets.Length, position);
        }
    }

    [Theory]
    [InlineData("ff 80 80 80 80 80 00")] // six octets that add nothing
    [InlineData("ff 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 80 00")]
    [InlineData("ff ff ff ff ff ff 00")]
    [InlineData("ff 80 80 80 80 80")] // the sixth needn't even be there
    [Requirement("7541-5.1-2")]
    [Requirement("7541-7.4-1")]
    public void More_than_five_continuation_octets_are_an_error(string block)
    {
        // RFC 7541 section 5.1: exceeding limits, in value or octet length, MUST be treated as a decoding error.
        Assert.Equal(HpackError.IntegerTooLarge, ErrorOf(block));
    }

    [Theory]
    [InlineData("ff 81 ff ff ff 07")] // 2^31
    [InlineData("ff ff ff ff ff 0f")] // beyond 2^32
    [InlineData("ff ff ff ff ff 7f")] // the most that five octets hold
    [InlineData("7f c1 ff ff ff 07")] // 2^31 behind a prefix of 6 bits
    [InlineData("3f e1 ff ff ff 07")] // of 5
    [InlineData("0f f1 ff ff ff 07")] // of 4
    [InlineData("00 7f 81 ff ff ff 07")] // a string length
    [Requirement("7541-5.1-2")]
    [Requirement("7541-7.4-1")]
    public void A_value_above_2_31_minus_1_is_an_error(string block)
    {
        Assert.Equal(HpackError.IntegerTooLarge, ErrorOf(block));
    }

    [Theory]
    [InlineData("ff")]
    [InlineData("7f")]
    [InlineData("3f")]
    [InlineData("1f")]
    [InlineData("0f")]
    [InlineData("ff 80")]
    [InlineData("ff ff ff ff ff")]
    [InlineData("40")] // the length of the name
    [InlineData("40 7f")]
    [InlineData("40 01 61")] // the length of the value
    [InlineData("41")]
    [InlineData("41 ff 80")]
    public void A_block_that_ends_within_an_integer_is_an_error(string block)
    {
        Assert.Equal(HpackError.IntegerTruncated, ErrorOf(block));
    }

    private static void CheckRoundTrip(int prefixBits, int value)
    {
        byte flags = (byte)(0xff << prefixBits); // bits in front of the prefix must survive and not be read
        var output = new OutputBuffer();
        output.WriteByte(0x55);
        PrefixedInteger.Write(output, flags, prefixBits, value);
        byte[] octets = output.WrittenSpan.ToArray();
        Assert.Equal(flags, octets[1] & flags);

        int position = 1;
        Assert.Null(PrefixedInteger.Read(octets, ref position, prefixBits, out int read));
        Assert.Equal(value, read);
        Assert.Equal(octets.Length, position);

        for (int length = 1; length < octets.Length; length++)
        {
            position = 1;
            Assert.Equal(HpackError.IntegerTruncated, PrefixedInteger.Read(octets.AsSpan(0, length), ref position, prefixBits, out _));
        }
    }
}
