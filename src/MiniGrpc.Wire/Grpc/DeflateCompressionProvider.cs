using System.Buffers;
using System.Buffers.Binary;
using System.IO.Compression;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Wire;

/// <summary>
/// Compression "deflate". As in HTTP (RFC 9110 section 8.4.1.2), the name means the zlib format (RFC 1950) with deflate
/// data inside, not bare deflate data.
/// </summary>
/// <param name="defaultCompressionLevel">The level where a call asks for none.</param>
public sealed class DeflateCompressionProvider(CompressionLevel defaultCompressionLevel) : ICompressionProvider, ITrailerCheck
{
    /// <summary>ADLER32, the last four octets: a checksum of the data, big-endian (RFC 1950 section 2.2).</summary>
    private const int ChecksumLength = 4;

    /// <summary>The largest prime below 2^16, which both sums of Adler-32 are taken modulo (RFC 1950 section 8.2).</summary>
    private const uint AdlerModulus = 65521;

    /// <summary>The most octets after which the second sum still fits 32 bits when it is reduced only then.</summary>
    private const int OctetsBetweenReductions = 5552;

    /// <inheritdoc />
    public string EncodingName => "deflate";

    /// <inheritdoc />
    public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) =>
        new ZLibStream(stream, compressionLevel ?? defaultCompressionLevel, leaveOpen: true);

    /// <inheritdoc />
    public Stream CreateDecompressionStream(Stream stream) => new ZLibStream(stream, CompressionMode.Decompress, leaveOpen: true);

    bool ITrailerCheck.TrailerMatches(in ReadOnlySequence<byte> compressed, ReadOnlySpan<byte> message)
    {
        if (compressed.Length < ChecksumLength)
        {
            return false;
        }

        Span<byte> checksum = stackalloc byte[ChecksumLength];
        compressed.Slice(compressed.Length - ChecksumLength).CopyTo(checksum);
        return BinaryPrimitives.ReadUInt32BigEndian(checksum) == Adler32(message);
    }

    private static uint Adler32(ReadOnlySpan<byte> data)
    {
        uint octets = 1;
        uint sums = 0;
        while (!data.IsEmpty)
        {
            int count = int.Min(data.Length, OctetsBetweenReductions);
            foreach (byte octet in data[..count])
            {
                octets += octet;
                sums += octets;
            }

            octets %= AdlerModulus;
            sums %= AdlerModulus;
            data = data[count..];
        }

        return (sums << 16) | octets;
    }
}
