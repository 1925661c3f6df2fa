using System.Buffers;
using System.IO.Compression;
using CsCheck;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>compression.md, the data: <see cref="MessageCompression"/> with gzip and deflate.</summary>
public class CompressionTests
{
    private const int NoLimit = -1;

    public static readonly TheoryData<string> Encodings = ["gzip", "deflate"];

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Messages_of_all_sizes_survive_in_one_piece_and_in_many(string encoding)
    {
        foreach (int size in (int[])[1, 2, 100, 4095, 4096, 4097, 65_536, 1024 * 1024])
        {
            byte[] message = new byte[size];
            new Random(size).NextBytes(message.AsSpan(size / 2));
            byte[] compressed = Compress(Provider(encoding), message);

            AssertMessage(message, encoding, new ReadOnlySequence<byte>(compressed));
            AssertMessage(message, encoding, new ReadOnlySequence<byte>(CompressSegments(Provider(encoding), message)));
            AssertMessage(message, encoding, Sequences.Cut(compressed, 1, 3, compressed.Length / 2, compressed.Length - 1));
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Any_message_survives_any_segmentation(string encoding) =>
        Gen.Select(Gen.Byte[0, 7].Array[1, 500], Gen.Int[0, 500].Array[0, 10]).Sample(
            (message, cuts) => AssertMessage(message, encoding, Sequences.Cut(Compress(Provider(encoding), message), cuts)),
            iter: 100);

    [Theory]
    [MemberData(nameof(Encodings))]
    public void An_empty_message_is_not_compressed_and_a_peer_that_does_it_is_understood(string encoding)
    {
        var output = new OutputBuffer();

        Assert.False(MessageCompression.Compress(Provider(encoding), [], output));
        Assert.False(MessageCompression.Compress(Provider(encoding), ReadOnlySequence<byte>.Empty, output));
        Assert.Equal(0, output.Length);
        AssertMessage([], encoding, ReadOnlySequence<byte>.Empty);
    }

    [Fact]
    public void The_compression_of_nothing_as_other_implementations_write_it_is_an_empty_message()
    {
        AssertMessage([], "gzip", new ReadOnlySequence<byte>([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
        AssertMessage([], "deflate", new ReadOnlySequence<byte>([0x78, 0x9c, 3, 0, 0, 0, 0, 1]));
    }

    [Fact]
    public void Gzip_is_RFC_1952_and_deflate_is_the_zlib_format()
    {
        // RFC 1952 section 2.3.1: ID1, ID2, CM. RFC 1950 section 2.2: CM 8 with a window of 32 KiB, and a header that 31 divides.
        Assert.Equal([0x1f, 0x8b, 8], Compress(Provider("gzip"), [1])[..3]);
        byte[] zlib = Compress(Provider("deflate"), [1]);
        Assert.Equal(0x78, zlib[0]);
        Assert.Equal(0, ((zlib[0] << 8) | zlib[1]) % 31);
    }

    [Fact]
    public void A_level_given_for_one_stream_goes_before_the_provider_s_own()
    {
        foreach (ICompressionProvider provider in (ICompressionProvider[])[new GzipCompressionProvider(CompressionLevel.NoCompression),
            new DeflateCompressionProvider(CompressionLevel.NoCompression)])
        {
            var plain = new MemoryStream();
            var squeezed = new MemoryStream();
            using (Stream own = provider.CreateCompressionStream(plain, null))
            using (Stream given = provider.CreateCompressionStream(squeezed, CompressionLevel.SmallestSize))
            {
                own.Write(new byte[1000]);
                given.Write(new byte[1000]);
            }

            Assert.True(plain.Length > 1000 && squeezed.Length < 100);
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void The_limit_is_met_exactly(string encoding)
    {
        foreach (int size in (int[])[1, 2, 511, 512, 513, 4095, 4096, 4097, 100_000])
        {
            byte[] message = [.. Enumerable.Range(0, size).Select(i => (byte)(i * i))];
            var compressed = new ReadOnlySequence<byte>(Compress(Provider(encoding), message));

            AssertMessage(message, encoding, compressed, size);
            AssertMessage(message, encoding, compressed, int.MaxValue);
            AssertError(GrpcStatusCode.ResourceExhausted, Provider(encoding), compressed, size - 1);
            AssertError(GrpcStatusCode.ResourceExhausted, Provider(encoding), compressed, 0);
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void A_bomb_is_not_decompressed_past_the_limit(string encoding)
    {
        var counting = new CountingProvider(Provider(encoding));
        byte[] bomb = Compress(counting, new byte[64 * 1024 * 1024]);
        Assert.True(bomb.Length < 1024 * 1024);

        AssertError(GrpcStatusCode.ResourceExhausted, counting, new ReadOnlySequence<byte>(bomb), 10_000);

        // One octet more than the limit tells that it is passed.
        Assert.Equal(10_001, counting.Produced);
        Assert.InRange(counting.LargestRead, 1, 10_000);
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Every_truncation_is_an_internal_error(string encoding)
    {
        foreach (byte[] message in (byte[][])["hello, hello, hello"u8.ToArray(), new byte[70_000], [7]])
        {
            byte[] compressed = Compress(Provider(encoding), message);
            for (int length = 1; length < compressed.Length; length++)
            {
                AssertError(GrpcStatusCode.Internal, Provider(encoding), new ReadOnlySequence<byte>(compressed, 0, length), NoLimit);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Octets_behind_the_end_are_an_internal_error(string encoding)
    {
        byte[] compressed = Compress(Provider(encoding), "hello, hello, hello"u8.ToArray());
        foreach (byte[] garbage in (byte[][])[[0], [0xff], [0x1f], [1, 2, 3], [0, 0, 0, 0, 0], new byte[20_000], compressed[..^1]])
        {
            AssertError(GrpcStatusCode.Internal, Provider(encoding), new ReadOnlySequence<byte>([.. compressed, .. garbage]), NoLimit);
        }
    }

    [Fact]
    public void A_message_of_several_gzip_members_is_an_internal_error()
    {
        byte[] member = Compress(Provider("gzip"), [1, 2, 3]);
        AssertError(GrpcStatusCode.Internal, Provider("gzip"), new ReadOnlySequence<byte>([.. member, .. member]), NoLimit);
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Every_changed_bit_behind_the_header_is_noticed(string encoding)
    {
        byte[] message = "hello, hello, hello, is it changed?"u8.ToArray();
        byte[] compressed = Compress(Provider(encoding), message);
        // The gzip header has fields that mean nothing to the data (time, system), and no checksum of its own.
        for (int bit = (encoding == "gzip" ? 10 : 0) * 8; bit < compressed.Length * 8; bit++)
        {
            byte[] changed = [.. compressed];
            changed[bit / 8] ^= (byte)(1 << (bit % 8));

            AssertError(GrpcStatusCode.Internal, Provider(encoding), new ReadOnlySequence<byte>(changed), NoLimit);
        }
    }

    [Theory]
    [MemberData(nameof(Encodings))]
    public void Anything_at_all_is_either_an_error_or_a_message(string encoding) =>
        Gen.Byte.Array[1, 60].Sample(
            garbage => AssertError(GrpcStatusCode.Internal, Provider(encoding), new ReadOnlySequence<byte>(garbage), NoLimit),
            iter: 300);

    [Fact]
    [Requirement("grpc-compression-13")]
    public void A_compressed_message_where_no_compression_was_agreed_is_an_internal_error()
    {
        // compression.md, test case 6: the Compressed-Flag without a grpc-encoding other than identity MUST fail with INTERNAL.
        AssertError(GrpcStatusCode.Internal, null, new ReadOnlySequence<byte>([1, 2, 3]), NoLimit);
        AssertError(GrpcStatusCode.Internal, null, ReadOnlySequence<byte>.Empty, NoLimit);
    }

    [Fact]
    public void Whatever_a_provider_throws_at_corrupt_data_is_an_internal_error()
    {
        GrpcError error = AssertError(GrpcStatusCode.Internal, new ThrowingProvider(), new ReadOnlySequence<byte>([1]), NoLimit);
        Assert.Contains("TimeZoneNotFoundException", error.Detail, StringComparison.Ordinal);
        Assert.Contains("odd", error.Detail, StringComparison.Ordinal);
    }

    private static ICompressionProvider Provider(string encoding) => encoding == "gzip"
        ? new GzipCompressionProvider(CompressionLevel.Fastest)
        : new DeflateCompressionProvider(CompressionLevel.Fastest);

    private static byte[] Compress(ICompressionProvider provider, byte[] message)
    {
        var output = new OutputBuffer();
        output.Write([1, 2]);
        Assert.True(MessageCompression.Compress(provider, message, output));
        Assert.Equal<byte>([1, 2], output.WrittenSpan[..2].ToArray());
        return output.WrittenSpan[2..].ToArray();
    }

    private static byte[] CompressSegments(ICompressionProvider provider, byte[] message)
    {
        var output = new OutputBuffer();
        Assert.True(MessageCompression.Compress(provider, Sequences.Cut(message, 0, 1, message.Length / 2), output));
        return output.WrittenSpan.ToArray();
    }

    private static void AssertMessage(byte[] expected, string encoding, ReadOnlySequence<byte> compressed, int limit = NoLimit)
    {
        var output = new OutputBuffer();
        output.Write([1, 2]);

        Assert.Null(MessageCompression.Decompress(Provider(encoding), compressed, limit, output));
        Assert.Equal<byte>([1, 2], output.WrittenSpan[..2].ToArray());
        Assert.Equal(expected, output.WrittenSpan[2..].ToArray());
    }

    private static GrpcError AssertError(GrpcStatusCode code, ICompressionProvider? provider, ReadOnlySequence<byte> compressed, int limit)
    {
        var output = new OutputBuffer();
        output.Write([1, 2]);
        GrpcError? error = MessageCompression.Decompress(provider, compressed, limit, output);

        Assert.Equal(code, error?.Code);
        Assert.NotEmpty(error!.Detail);
        Assert.Equal<byte>([1, 2], output.WrittenSpan.ToArray());
        return error;
    }

    /// <summary>Counts what is read out of the decompression.</summary>
    private sealed class CountingProvider(ICompressionProvider inner) : ICompressionProvider
    {
        public string EncodingName => inner.EncodingName;

        public long Produced { get; set; }

        public int LargestRead { get; set; }

        public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
            inner.CreateCompressionStream(stream, compressionLevel);

        public Stream CreateDecompressionStream(Stream stream) => new CountingStream(inner.CreateDecompressionStream(stream), this);
    }

    private sealed class CountingStream(Stream inner, CountingProvider counts) : MemoryStream
    {
        public override int Read(Span<byte> buffer)
        {
            int read = inner.Read(buffer);
            counts.Produced += read;
            counts.LargestRead = Math.Max(counts.LargestRead, buffer.Length);
            return read;
        }
    }

    private sealed class ThrowingProvider : ICompressionProvider
    {
        public string EncodingName => "odd";

        public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => throw new NotSupportedException();

        public Stream CreateDecompressionStream(Stream stream) => throw new TimeZoneNotFoundException();
    }
}
