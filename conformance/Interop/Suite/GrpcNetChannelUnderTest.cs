using System.IO.Compression;
using Grpc.Core;
using Grpc.Core.Interceptors;
using Grpc.Net.Client;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.InteropClient;
using ICompressionProvider = Grpc.Net.Compression.ICompressionProvider;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>A channel of Grpc.Net.Client.</summary>
internal sealed class GrpcNetChannelUnderTest : IInteropChannel
{
    private readonly CountingGzip _gzip = new();
    private readonly GrpcChannel _channel;

    public GrpcNetChannelUnderTest(ServerAddress address)
    {
        _channel = GrpcChannel.ForAddress(address.Uri, new GrpcChannelOptions
        {
            HttpHandler = GrpcNetClientPeer.HandlerFor(address),
            DisposeHttpClient = true,
            CompressionProviders = [_gzip],
            UnsafeUseInsecureChannelCallCredentials = true,
        });
        Plain = _channel.CreateCallInvoker();
        Compressing = Plain.Intercept(metadata =>
        {
            metadata.Add("grpc-internal-encoding-request", "gzip");
            return metadata;
        });
    }

    public CallInvoker Compressing { get; }

    public CallInvoker Plain { get; }

    public int CompressedResponses => _gzip.Decompressed;

    public ValueTask DisposeAsync()
    {
        _channel.Dispose();
        return ValueTask.CompletedTask;
    }

    private sealed class CountingGzip : ICompressionProvider
    {
        private readonly Grpc.Net.Compression.GzipCompressionProvider _gzip = new(CompressionLevel.Fastest);
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
