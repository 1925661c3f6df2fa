using System.Collections.Concurrent;
using Grpc.Core;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>A service of plain bytes, made by hand: the four kinds, each answering with what it was sent.</summary>
internal static class EchoService
{
    private static readonly Marshaller<byte[]> s_bytes = Marshallers.Create(static bytes => bytes, static bytes => bytes);

    public static Method<byte[], byte[]> Unary { get; } = new(MethodType.Unary, "echo.Echo", "Unary", s_bytes, s_bytes);

    public static Method<byte[], byte[]> Bidi { get; } = new(MethodType.DuplexStreaming, "echo.Echo", "Bidi", s_bytes, s_bytes);

    public static ServerServiceDefinition Bind(UnaryServerMethod<byte[], byte[]>? unary = null, DuplexStreamingServerMethod<byte[], byte[]>? bidi = null) =>
        ServerServiceDefinition.CreateBuilder()
            .AddMethod(Unary, unary ?? ((request, _) => Task.FromResult(request)))
            .AddMethod(Bidi, bidi ?? EchoAsync)
            .Build();

    /// <summary>Answers with the request, and keeps the call's metadata.</summary>
    public static UnaryServerMethod<byte[], byte[]> Recording(ConcurrentQueue<Metadata> received) => (request, context) =>
    {
        received.Enqueue(context.RequestHeaders);
        return Task.FromResult(request);
    };

    /// <summary>A server on <paramref name="address"/> with the echo service.</summary>
    public static GrpcServer CreateServer(string address, ServerServiceDefinition? service = null)
    {
        GrpcServer server = new();
        server.Services.Add(service ?? Bind());
        server.Listen(address);
        return server;
    }

    /// <summary>Fails with <paramref name="what"/> rather than waiting for ever.</summary>
    public static async Task<T> WithinLimit<T>(this Task<T> task, string what)
    {
        try
        {
            return await task.WaitAsync(TimeSpan.FromSeconds(30));
        }
        catch (TimeoutException)
        {
            throw new TimeoutException($"{what} did not come within 30 s");
        }
    }

    private static async Task EchoAsync(IAsyncStreamReader<byte[]> requests, IServerStreamWriter<byte[]> responses, ServerCallContext context)
    {
        await foreach (byte[] request in requests.ReadAllAsync(context.CancellationToken))
        {
            await responses.WriteAsync(request);
        }
    }
}
