using System.Text;
using CsCheck;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>gRPC over HTTP/2, Binary-Header: <see cref="BinaryHeader"/>.</summary>
public class BinaryHeaderTests
{
    [Theory]
    [InlineData("trace-proto-bin", true)]
    [InlineData("-bin", true)]
    [InlineData("bin", false)]
    [InlineData("x-binary", false)]
    [InlineData("x-bin-", false)]
    [InlineData("x_bin", false)]
    [InlineData("", false)]
    [Requirement("grpc-requests-16")]
    public void A_name_that_ends_in_bin_is_binary(string name, bool expected) =>
        Assert.Equal(expected, BinaryHeader.IsBinary(Encoding.ASCII.GetBytes(name)));

    [Fact]
    [Requirement("grpc-requests-17")]
    [Requirement("grpc-requests-18")]
    public void Values_of_every_length_are_written_without_padding_and_read_with_and_without()
    {
        for (int length = 0; length <= 64; length++)
        {
            byte[] value = [.. Enumerable.Range(0, length).Select(i => (byte)((i * 37) + 251))];
            string padded = Convert.ToBase64String(value);
            string encoded = Encode(value);

            // "Implementations MUST accept padded and un-padded values and should emit un-padded values."
            Assert.Equal(padded.TrimEnd('='), encoded);
            Assert.Equal(encoded.Length, BinaryHeader.GetEncodedLength(length));
            Assert.Equal(value, Decode(encoded));
            Assert.Equal(value, Decode(padded));
        }
    }

    [Fact]
    public void Encoding_needs_no_more_room_than_it_says_and_leaves_the_rest_alone()
    {
        byte[] destination = new byte[7];
        destination.AsSpan().Fill(9);
        BinaryHeader.Encode([0xab, 0xab, 0xab, 0xab], destination.AsSpan(0, 6), out int written);

        Assert.Equal(6, written);
        Assert.Equal("q6urqw\t", Encoding.ASCII.GetString(destination));
    }

    [Fact]
    public void Decoding_undoes_encoding() => Gen.Byte.Array[0, 300].Sample(value => Assert.Equal(value, Decode(Encode(value))), iter: 300);

    [Theory]
    [InlineData("Q")]
    [InlineData("QUJDR")]
    [InlineData("=")]
    [InlineData("==")]
    [InlineData("===")]
    [InlineData("====")]
    [InlineData("Q===")]
    [InlineData("QQ=")]
    [InlineData("QUI==")]
    [InlineData("QUJD=")]
    [InlineData("QUJD====")]
    [InlineData("QQ==QQ==")]
    [InlineData("QQ==QQ")]
    [InlineData("Q=Q=")]
    [InlineData("QU JD")]
    [InlineData("QUJ ")]
    [InlineData("QU\n")]
    [InlineData("QUJDQ Q")]
    [InlineData("QUJ-")]
    [InlineData("QUJ_")]
    [InlineData("QUJ,")]
    [InlineData("Q,")]
    [InlineData("QUJDQ,I")]
    public void What_is_no_base64_is_refused(string value)
    {
        Assert.False(BinaryHeader.TryDecode(Encoding.ASCII.GetBytes(value), out byte[] decoded));
        Assert.Empty(decoded);
    }

    [Fact]
    public void An_octet_outside_the_alphabet_is_refused_at_every_position()
    {
        for (int length = 2; length <= 16; length++)
        {
            for (int position = 0; position < length && length % 4 != 1; position++)
            {
                byte[] value = [.. Enumerable.Repeat((byte)'A', length)];
                Assert.True(BinaryHeader.TryDecode(value, out _));
                foreach (byte octet in (byte[])[(byte)'!', (byte)' ', 0, 0x80, 0xff])
                {
                    value[position] = octet;
                    Assert.False(BinaryHeader.TryDecode(value, out _));
                }
            }
        }
    }

    [Theory]
    [InlineData("QR", "A")]
    [InlineData("QR==", "A")]
    [InlineData("QUJ", "AB")]
    [InlineData("QUL=", "AB")]
    public void Bits_left_over_behind_the_last_octet_are_ignored(string value, string expected) =>
        Assert.Equal(expected, Encoding.ASCII.GetString(Decode(value)));

    [Theory]
    [InlineData("", "")]
    [InlineData("QQ", "QQ")]
    [InlineData("QQ,Qg==", "QQ|Qg==")]
    [InlineData("QQ, Qg ,\tQw\t", "QQ|Qg|Qw")]
    [InlineData(",", "|")]
    [InlineData("QQ,,Qg,", "QQ||Qg|")]
    [InlineData("  ", "")]
    [Requirement("grpc-requests-19")]
    public void Joined_values_are_split_at_commas(string value, string expected)
    {
        // "Implementations must split Binary-Headers on ',' before decoding the Base64-encoded values."
        var parts = new List<string>();
        foreach (ReadOnlySpan<byte> part in BinaryHeader.Split(Encoding.ASCII.GetBytes(value)))
        {
            parts.Add(Encoding.ASCII.GetString(part));
        }

        Assert.Equal(expected, string.Join('|', parts));
    }

    private static string Encode(byte[] value)
    {
        byte[] destination = new byte[BinaryHeader.GetEncodedLength(value.Length)];
        BinaryHeader.Encode(value, destination, out int written);
        Assert.Equal(destination.Length, written);
        return Encoding.ASCII.GetString(destination);
    }

    private static byte[] Decode(string value)
    {
        Assert.True(BinaryHeader.TryDecode(Encoding.ASCII.GetBytes(value), out byte[] decoded));
        return decoded;
    }
}
