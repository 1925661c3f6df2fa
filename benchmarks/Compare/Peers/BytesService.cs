using System.Buffers.Binary;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>
/// Download and upload once more, with messages that are plain byte arrays: what protobuf costs is left out, and what carries the
/// messages remains. Each server is told of the methods in its own way.
/// </summary>
internal sealed class BytesService
{
    private const string ServiceName = "benchmark.Bytes";

    private static readonly Marshaller<byte[]> s_bytes = new(
        (message, context) => context.Complete(message), context => context.PayloadAsNewBuffer());

    public static Method<byte[], byte[]> DownloadMethod { get; } = new(MethodType.ServerStreaming, ServiceName, nameof(Download), s_bytes, s_bytes);

    public static Method<byte[], byte[]> UploadMethod { get; } = new(MethodType.ClientStreaming, ServiceName, nameof(Upload), s_bytes, s_bytes);

    /// <summary>Asks <see cref="Download"/> for <paramref name="count"/> messages of <paramref name="length"/> bytes.</summary>
    public static byte[] RequestOf(int count, int length)
    {
        byte[] request = new byte[8];
        BinaryPrimitives.WriteInt32LittleEndian(request, count);
        BinaryPrimitives.WriteInt32LittleEndian(request.AsSpan(4), length);
        return request;
    }

    /// <summary>For MiniGrpc.</summary>
    public static ServerServiceDefinition Define(BytesService service) => ServerServiceDefinition.CreateBuilder()
        .AddMethod<byte[], byte[]>(DownloadMethod, service.Download)
        .AddMethod<byte[], byte[]>(UploadMethod, service.Upload)
        .Build();

    public async Task Download(byte[] request, IServerStreamWriter<byte[]> responseStream, ServerCallContext context)
    {
        int count = BinaryPrimitives.ReadInt32LittleEndian(request);
        byte[] message = new byte[BinaryPrimitives.ReadInt32LittleEndian(request.AsSpan(4))];
        for (int i = 0; i < count; i++)
        {
            await responseStream.WriteAsync(message);
        }
    }

    public async Task<byte[]> Upload(IAsyncStreamReader<byte[]> requestStream, ServerCallContext context)
    {
        int count = 0;
        while (await requestStream.MoveNext(CancellationToken.None))
        {
            count++;
        }

        return BitConverter.GetBytes(count);
    }
}

/// <summary>The same for Grpc.AspNetCore.</summary>
internal sealed class BytesMethods : IServiceMethodProvider<BytesService>
{
    public void OnServiceMethodDiscovery(ServiceMethodProviderContext<BytesService> context)
    {
        context.AddServerStreamingMethod(BytesService.DownloadMethod, [], (service, request, responses, call) => service.Download(request, responses, call));
        context.AddClientStreamingMethod(BytesService.UploadMethod, [], (service, requests, call) => service.Upload(requests, call));
    }
}
