using System.IO.Compression;
using Grpc.Core;
using Grpc.Core.Interceptors;
using MiniGrpc.Client;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.InteropClient;

/// <summary>A channel of MiniGrpc.</summary>
internal sealed class MiniChannelUnderTest : IInteropChannel
{
    private readonly CountingGzip _gzip = new();
    private readonly MiniChannel _channel;

    public MiniChannelUnderTest(string address, ClientTls? tls, Metadata additional)
    {
        var options = new MiniChannelOptions { Tls = tls, UnsafeUseInsecureChannelCallCredentials = true };
        options.CompressionProviders.Add(_gzip);
        _channel = MiniChannel.ForAddress(address, options);
        Plain = additional.Count == 0 ? _channel.CreateCallInvoker() : _channel.Intercept(metadata => Join(metadata, additional));
        Compressing = Plain.Intercept(metadata => Join(metadata, new Metadata { { "grpc-internal-encoding-request", "gzip" } }));
    }

    public CallInvoker Compressing { get; }

    public CallInvoker Plain { get; }

    public int CompressedResponses => _gzip.Decompressed;

    public ValueTask DisposeAsync() => _channel.DisposeAsync();

    private static Metadata Join(Metadata metadata, Metadata more)
    {
        var all = new Metadata();
        foreach (Metadata.Entry entry in metadata.Concat(more))
        {
            all.Add(entry);
        }

        return all;
    }

    /// <summary>gzip that counts what it decompresses: the Compressed-Flag of a message is nothing that a caller is told.</summary>
    private sealed class CountingGzip : ICompressionProvider
    {
        private readonly GzipCompressionProvider _gzip = new(CompressionLevel.Fastest);
        private int _decompressed;

        public int Decompressed => Volatile.Read(ref _decompressed);

        public string EncodingName => _gzip.EncodingName;

        public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => _gzip.CreateCompressionStream(stream, compressionLevel);

        public Stream CreateDecompressionStream(Stream stream)
        {
            Interlocked.Increment(ref _decompressed);
            return _gzip.CreateDecompressionStream(stream);
        }
    }
}
