using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Wire;

/// <summary>
/// Compression "gzip" (RFC 1952), the one that every gRPC implementation knows.
/// </summary>
/// <param name="defaultCompressionLevel">The level where a call asks for none.</param>
public sealed class GzipCompressionProvider(CompressionLevel defaultCompressionLevel) : ICompressionProvider, ITrailerCheck
{
    /// <summary>ISIZE, the last four octets: the length of the data modulo 2^32, little-endian (RFC 1952 section 2.3.1).</summary>
    private const int SizeLength = 4;

    /// <summary>Header 10, no data 2, trailer 8. Below it, zeros of the header could pass for an ISIZE of nothing.</summary>
    private const int ShortestStream = 20;

    /// <inheritdoc />
    public string EncodingName => "gzip";

    /// <inheritdoc />
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new GZipStream(stream, compressionLevel ?? defaultCompressionLevel, leaveOpen: true);

    /// <inheritdoc />
    public Stream CreateDecompressionStream(Stream stream) => new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);

    /// <remarks>
    /// The CRC in front of ISIZE needs no second look: where the trailer is whole, the framework has checked it. A message of
    /// several gzip members is refused; a gRPC message is compressed in one go.
    /// </remarks>
    bool ITrailerCheck.TrailerMatches(in ReadOnlySequence<byte> compressed, ReadOnlySpan<byte> message)
    {
        if (compressed.Length < ShortestStream)
        {
            return false;
        }

        Span<byte> size = stackalloc byte[SizeLength];
        compressed.Slice(compressed.Length - SizeLength).CopyTo(size);
        return BinaryPrimitives.ReadUInt32LittleEndian(size) == (uint)message.Length;
    }
}
