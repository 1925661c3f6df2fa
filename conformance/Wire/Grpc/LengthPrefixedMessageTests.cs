using System.Buffers;
using CsCheck;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>gRPC over HTTP/2, Length-Prefixed-Message: <see cref="MessagePrefix"/> and <see cref="MessageReader"/>.</summary>
public class LengthPrefixedMessageTests
{
    private const int NoLimit = -1;

    [Theory]
    [InlineData(false, 0, new byte[] { 0, 0, 0, 0, 0 })]
    [InlineData(true, 1, new byte[] { 1, 0, 0, 0, 1 })]
    [InlineData(false, 0x01020304, new byte[] { 0, 1, 2, 3, 4 })]
    [InlineData(true, int.MaxValue, new byte[] { 1, 0x7f, 0xff, 0xff, 0xff })]
    [Requirement("grpc-messages-1")]
    public void A_prefix_is_a_flag_octet_and_a_big_endian_length(bool compressed, int length, byte[] expected)
    {
        byte[] octets = [9, 9, 9, 9, 9, 9];
        MessagePrefix.Write(octets, compressed, length);

        Assert.Equal([.. expected, 9], octets);
        Assert.Equal(new MessagePrefix(compressed ? (byte)1 : (byte)0, (uint)length), MessagePrefix.Read(expected));
        Assert.Equal(compressed, MessagePrefix.Read(expected).IsCompressed);
    }

    [Fact]
    [Requirement("grpc-messages-1")]
    public void A_length_is_unsigned()
    {
        MessagePrefix prefix = MessagePrefix.Read([0, 0xff, 0xff, 0xff, 0xff]);

        Assert.Equal(uint.MaxValue, prefix.Length);
        Assert.Equal(5L + uint.MaxValue, prefix.TotalLength);
    }

    [Fact]
    [Requirement("grpc-messages-5")]
    public void A_message_is_found_wherever_it_is_cut_in_two()
    {
        byte[] bytes = Frame(compressed: true, [1, 2, 3, 4, 5, 6, 7]);
        for (int cut = 0; cut <= bytes.Length; cut++)
        {
            AssertMessage(Sequences.Cut(bytes, cut), true, [1, 2, 3, 4, 5, 6, 7]);
            for (int second = cut; second <= bytes.Length; second++)
            {
                AssertMessage(Sequences.Cut(bytes, cut, second), true, [1, 2, 3, 4, 5, 6, 7]);
            }
        }

        AssertMessage(Sequences.OctetByOctet(bytes), true, [1, 2, 3, 4, 5, 6, 7]);
    }

    [Fact]
    public void Every_truncation_of_a_message_needs_more_and_says_how_much()
    {
        byte[] bytes = Frame(compressed: false, new byte[20]);
        for (int length = 0; length < bytes.Length; length++)
        {
            ReadOnlySequence<byte>[] buffers = [new(bytes, 0, length), Sequences.OctetByOctet(bytes[..length])];
            foreach (ReadOnlySequence<byte> buffer in buffers)
            {
                MessageReadStatus status = MessageReader.TryRead(
                    buffer, NoLimit, out MessagePrefix prefix, out ReadOnlySequence<byte> payload, out long missing, out GrpcError? error);

                Assert.Equal(MessageReadStatus.NeedMore, status);
                Assert.Equal(length < MessagePrefix.Size ? 1 : bytes.Length - length, missing);
                Assert.Equal(length < MessagePrefix.Size ? 0u : 20u, prefix.Length);
                Assert.True(payload.IsEmpty);
                Assert.Null(error);
            }
        }
    }

    [Fact]
    public void An_empty_message_is_a_message()
    {
        AssertMessage(new ReadOnlySequence<byte>([0, 0, 0, 0, 0]), false, []);
        AssertMessage(Sequences.OctetByOctet([0, 0, 0, 0, 0]), false, []);
    }

    [Fact]
    [Requirement("grpc-messages-5")]
    public void Messages_joined_in_one_buffer_come_out_one_by_one_however_the_buffer_is_segmented()
    {
        var messages = Gen.Select(Gen.Bool, Gen.Byte.Array[0, 40]).Array[1, 8];
        var cuts = Gen.Int[0, 200].Array[0, 30];

        Gen.Select(messages, cuts).Sample(
            (expected, where) =>
            {
                byte[] bytes = [.. expected.SelectMany(m => Frame(m.Item1, m.Item2))];
                ReadOnlySequence<byte> rest = Sequences.Cut(bytes, where);
                foreach ((bool compressed, byte[] message) in expected)
                {
                    rest = rest.Slice(AssertMessage(rest, compressed, message));
                }

                Assert.True(rest.IsEmpty);
            },
            iter: 300);
    }

    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(128)]
    [InlineData(255)]
    [Requirement("grpc-messages-2")]
    public void A_flag_other_than_0_and_1_is_an_internal_error(byte flag)
    {
        // gRPC over HTTP/2: Compressed-Flag -> 0 / 1.
        AssertError(GrpcStatusCode.Internal, [flag, 0, 0, 0, 0], NoLimit);
        // The length is not judged: it is most likely no length.
        AssertError(GrpcStatusCode.Internal, [flag, 0xff, 0xff, 0xff, 0xff], 4);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(300)]
    [InlineData(4 * 1024 * 1024)]
    [InlineData(int.MaxValue - 1)]
    public void A_length_over_the_limit_exhausts_resources_and_the_limit_itself_does_not(int limit)
    {
        // statuscodes.md: "Sent or received message was larger than configured limit". Judged without a byte of the message.
        AssertError(GrpcStatusCode.ResourceExhausted, Prefix((uint)limit + 1), limit);
        AssertAccepted(Prefix((uint)limit), limit);
    }

    [Theory]
    [InlineData(NoLimit)]
    [InlineData(int.MaxValue)]
    [InlineData(int.MinValue)]
    public void Without_a_limit_any_length_below_2_to_the_31_is_accepted(int limit)
    {
        AssertAccepted(Prefix(int.MaxValue), limit);
        AssertError(GrpcStatusCode.ResourceExhausted, Prefix(0x8000_0000), limit);
        AssertError(GrpcStatusCode.ResourceExhausted, Prefix(uint.MaxValue), limit);
    }

    private static byte[] Prefix(uint length) => [0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];

    private static byte[] Frame(bool compressed, byte[] message)
    {
        byte[] prefix = Prefix((uint)message.Length);
        prefix[0] = compressed ? (byte)1 : (byte)0;
        return [.. prefix, .. message];
    }

    private static long AssertMessage(ReadOnlySequence<byte> buffer, bool compressed, byte[] expected)
    {
        MessageReadStatus status = MessageReader.TryRead(
            buffer, expected.Length, out MessagePrefix prefix, out ReadOnlySequence<byte> payload, out long missing, out GrpcError? error);

        Assert.Equal(MessageReadStatus.Message, status);
        Assert.Equal(compressed, prefix.IsCompressed);
        Assert.Equal(expected, payload.ToArray());
        Assert.Equal(0, missing);
        Assert.Null(error);
        return prefix.TotalLength;
    }

    private static void AssertError(GrpcStatusCode code, byte[] bytes, int limit)
    {
        foreach (ReadOnlySequence<byte> buffer in (ReadOnlySequence<byte>[])[new(bytes), Sequences.OctetByOctet(bytes)])
        {
            MessageReadStatus status = MessageReader.TryRead(buffer, limit, out _, out _, out _, out GrpcError? error);

            Assert.Equal(MessageReadStatus.Error, status);
            Assert.Equal(code, error?.Code);
            Assert.NotEmpty(error!.Detail);
        }
    }

    private static void AssertAccepted(byte[] prefix, int limit)
    {
        MessageReadStatus status = MessageReader.TryRead(
            new ReadOnlySequence<byte>(prefix), limit, out MessagePrefix read, out _, out long missing, out GrpcError? error);

        Assert.Equal(read.Length == 0 ? MessageReadStatus.Message : MessageReadStatus.NeedMore, status);
        Assert.Equal(read.Length, missing);
        Assert.Null(error);
    }
}
