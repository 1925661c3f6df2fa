using System.IO.Compression;

namespace MiniGrpc.Wire;

/// <summary>
/// A compression for messages, such as gzip, under the name by which peers agree on it (gRPC compression.md).
/// A program names the providers that it wants; one that names none does not carry any compression code.
/// </summary>
/// <remarks>
/// Each message is compressed by itself: nothing is remembered from one to the next. A provider is used by many calls at
/// once and has to be thread-safe; the streams it creates are used by one call each, synchronously, and disposed.
/// </remarks>
public interface ICompressionProvider
{
    /// <summary>
    /// The name of the compression in <c>grpc-encoding</c> and <c>grpc-accept-encoding</c>, such as "gzip": visible ASCII
    /// without a comma, and not "identity".
    /// </summary>
    string EncodingName { get; }

    /// <summary>Creates a stream that compresses into <paramref name="stream"/> what is written to it, until it is disposed.</summary>
    /// <param name="stream">Where the compressed bytes go. It is not to be disposed.</param>
    /// <param name="compressionLevel">How hard to try; null for the provider's own default.</param>
    /// <returns>A stream to write the message to.</returns>
    Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel);

    /// <summary>Creates a stream from which the decompressed bytes of <paramref name="stream"/> are read.</summary>
    /// <param name="stream">The compressed bytes of one message. It is not to be disposed.</param>
    /// <returns>
    /// A stream to read the message from. Whatever exception it throws while it is read means that the data are corrupt; the
    /// call then ends with INTERNAL.
    /// </returns>
    Stream CreateDecompressionStream(Stream stream);
}
