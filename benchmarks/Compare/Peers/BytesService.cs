using System.Buffers.Binary;
using Grpc.AspNetCore.Server.Model;
using Grpc.Core;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>
/// Download and upload once more, with messages that are bytes alone, in memory of the pool: what protobuf costs is left out, and
/// what new memory costs, and what carries the messages remains. Each server is told of the methods in its own way.
/// </summary>
internal sealed class BytesService
{
    private const string ServiceName = "benchmark.Bytes";

    private static readonly Marshaller<RentedBytes> s_bytes = new(RentedBytes.Write, RentedBytes.Read);

    public static Method<RentedBytes, RentedBytes> DownloadMethod { get; } = new(MethodType.ServerStreaming, ServiceName, nameof(Download), s_bytes, s_bytes);

    public static Method<RentedBytes, RentedBytes> UploadMethod { get; } = new(MethodType.ClientStreaming, ServiceName, nameof(Upload), s_bytes, s_bytes);

    /// <summary>Asks <see cref="Download"/> for <paramref name="count"/> messages of <paramref name="length"/> bytes.</summary>
    public static RentedBytes RequestOf(int count, int length)
    {
        var request = new RentedBytes(8);
        BinaryPrimitives.WriteInt32LittleEndian(request.Span, count);
        BinaryPrimitives.WriteInt32LittleEndian(request.Span[4..], length);
        return request;
    }

    /// <summary>For MiniGrpc.</summary>
    public static ServerServiceDefinition Define(BytesService service) => ServerServiceDefinition.CreateBuilder()
        .AddMethod<RentedBytes, RentedBytes>(DownloadMethod, service.Download)
        .AddMethod<RentedBytes, RentedBytes>(UploadMethod, service.Upload)
        .Build();

    public async Task Download(RentedBytes request, IServerStreamWriter<RentedBytes> responseStream, ServerCallContext context)
    {
        using RentedBytes asked = request;
        int count = BinaryPrimitives.ReadInt32LittleEndian(asked.Span);
        using var message = new RentedBytes(BinaryPrimitives.ReadInt32LittleEndian(asked.Span[4..]));
        for (int i = 0; i < count; i++)
        {
            await responseStream.WriteAsync(message);
        }
    }

    public async Task<RentedBytes> Upload(IAsyncStreamReader<RentedBytes> requestStream, ServerCallContext context)
    {
        int count = 0;
        while (await requestStream.MoveNext(CancellationToken.None))
        {
            requestStream.Current.Dispose();
            count++;
        }

        var response = new RentedBytes(4);
        BinaryPrimitives.WriteInt32LittleEndian(response.Span, count);
        return response;
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
