using System.Buffers;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// Compresses and decompresses single messages (gRPC compression.md; Compressed-Flag in gRPC over HTTP/2). No context is
/// kept from one message to the next.
/// </summary>
internal static class MessageCompression
{
    /// <summary>Room asked for at a time: a small message takes one step, and a bomb is noticed soon.</summary>
    private const int ChunkSize = 4096;

    /// <summary>The most that <see cref="OutputBuffer"/> can hold: its array doubles, and the next doubling would be too large.</summary>
    private const int LargestOutput = 1 << 30;

    /// <summary>Appends the compressed form of <paramref name="payload"/>.</summary>
    /// <returns>
    /// False, and nothing is written, for an empty message. It is to be sent as it is, with Compressed-Flag 0: the framework's
    /// compressions make nothing of nothing, not even a header, and other implementations refuse that.
    /// </returns>
    public static bool Compress(ICompressionProvider provider, ReadOnlySpan<byte> payload, OutputBuffer output)
    {
        if (payload.IsEmpty)
        {
            return false;
        }

        using Stream compressor = provider.CreateCompressionStream(new OutputBufferStream(output), compressionLevel: null);
        compressor.Write(payload);
        return true;
    }

    /// <inheritdoc cref="Compress(ICompressionProvider, ReadOnlySpan{byte}, OutputBuffer)"/>
    public static bool Compress(ICompressionProvider provider, in ReadOnlySequence<byte> payload, OutputBuffer output)
    {
        if (payload.IsEmpty)
        {
            return false;
        }

        using Stream compressor = provider.CreateCompressionStream(new OutputBufferStream(output), compressionLevel: null);
        foreach (ReadOnlyMemory<byte> segment in payload)
        {
            compressor.Write(segment.Span);
        }

        return true;
    }

    /// <summary>Appends the message that <paramref name="payload"/> is the compressed form of.</summary>
    /// <param name="provider">The compression that <c>grpc-encoding</c> names; null where it names none or "identity".</param>
    /// <param name="payload">A message that came with Compressed-Flag 1.</param>
    /// <param name="maxMessageSize">The largest decompressed size to accept; negative or <see cref="int.MaxValue"/> for no limit.</param>
    /// <param name="output">Where the message goes; as before the call if the result is an error.</param>
    /// <returns>Null, or what is wrong.</returns>
    public static GrpcError? Decompress(
        ICompressionProvider? provider,
        in ReadOnlySequence<byte> payload,
        int maxMessageSize,
        OutputBuffer output)
    {
        if (provider is null)
        {
            return new GrpcError(GrpcStatusCode.Internal, "A message has Compressed-Flag 1, but grpc-encoding names no compression.");
        }

        // Some peers set the flag on an empty message and compress it to nothing (see Compress).
        if (payload.IsEmpty)
        {
            return null;
        }

        int start = output.Length;
        int room = int.Min(maxMessageSize < 0 ? int.MaxValue : maxMessageSize, LargestOutput - start);
        GrpcError? error = Produce(provider, payload, room, output)
            ?? CheckTrailer(provider, payload, output.WrittenSpan[start..]);
        if (error is not null)
        {
            output.Truncate(start);
        }

        return error;
    }

    /// <summary>
    /// The limit is applied before each step, not to the result: a few kilobytes can decompress to gigabytes. Once the output
    /// is full, one octet more, read into the stack, tells whether the message ends here.
    /// </summary>
    private static GrpcError? Produce(ICompressionProvider provider, in ReadOnlySequence<byte> payload, int room, OutputBuffer output)
    {
        int limit = room;
        Span<byte> oneMore = stackalloc byte[1];
        try
        {
            using Stream decompressor = provider.CreateDecompressionStream(new SequenceStream(payload));
            while (room > 0)
            {
                Span<byte> span = output.GetSpan(int.Min(room, ChunkSize));
                int read = decompressor.Read(span[..int.Min(room, span.Length)]);
                if (read == 0)
                {
                    return null;
                }

                output.Advance(read);
                room -= read;
            }

            return decompressor.Read(oneMore) == 0
                ? null
                : new GrpcError(GrpcStatusCode.ResourceExhausted, $"A decompressed message is larger than the limit of {limit} octets.");
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // What a provider throws at corrupt data is its own choice; the framework alone has three kinds.
            return Corrupt(provider, e.GetType().Name);
        }
    }

    private static GrpcError? CheckTrailer(ICompressionProvider provider, in ReadOnlySequence<byte> payload, ReadOnlySpan<byte> message) =>
        provider is ITrailerCheck check && !check.TrailerMatches(payload, message)
            ? Corrupt(provider, "it does not end in the trailer that belongs to the data")
            : null;

    private static GrpcError Corrupt(ICompressionProvider provider, string reason) =>
        new(GrpcStatusCode.Internal, $"A message can't be decompressed as {provider.EncodingName}: {reason}.");
}
