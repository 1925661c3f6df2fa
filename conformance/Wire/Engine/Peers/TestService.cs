using System.Collections.Concurrent;
using Grpc.Core;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// One method of each kind, on octets as they are. They echo unless a test puts its own handler in their place.
/// </summary>
internal sealed class TestService
{
    private static readonly Marshaller<byte[]> s_octets = Marshallers.Create(octets => octets, octets => octets);

    public static readonly Method<byte[], byte[]> UnaryMethod = Define(MethodType.Unary, "Unary");
    public static readonly Method<byte[], byte[]> ClientStreamingMethod = Define(MethodType.ClientStreaming, "Collect");
    public static readonly Method<byte[], byte[]> ServerStreamingMethod = Define(MethodType.ServerStreaming, "Spread");
    public static readonly Method<byte[], byte[]> DuplexMethod = Define(MethodType.DuplexStreaming, "Duplex");

    private readonly Changes _called = new();

    /// <summary>The calls whose handlers have run or are running.</summary>
    public ConcurrentQueue<ServerCallContext> Calls { get; } = new();

    public UnaryServerMethod<byte[], byte[]> Unary { get; set; } = (request, _) => Task.FromResult(request);

    /// <summary>Puts the requests together.</summary>
    public ClientStreamingServerMethod<byte[], byte[]> Collect { get; set; } = async (requests, _) =>
    {
        var all = new List<byte>();
        while (await requests.MoveNext(CancellationToken.None))
        {
            all.AddRange(requests.Current);
        }

        return [.. all];
    };

    /// <summary>Answers with as many messages as the request has octets.</summary>
    public ServerStreamingServerMethod<byte[], byte[]> Spread { get; set; } = async (request, responses, _) =>
    {
        foreach (byte octet in request)
        {
            await responses.WriteAsync([octet]);
        }
    };

    public DuplexStreamingServerMethod<byte[], byte[]> Duplex { get; set; } = async (requests, responses, _) =>
    {
        while (await requests.MoveNext(CancellationToken.None))
        {
            await responses.WriteAsync(requests.Current);
        }
    };

    public ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(UnaryMethod, (request, context) => Unary(request, Note(context)))
        .AddMethod(ClientStreamingMethod, (requests, context) => Collect(requests, Note(context)))
        .AddMethod(ServerStreamingMethod, (request, responses, context) => Spread(request, responses, Note(context)))
        .AddMethod(DuplexMethod, (requests, responses, context) => Duplex(requests, responses, Note(context)))
        .Build();

    /// <summary>Waits until so many handlers have started, since the beginning.</summary>
    public Task UntilCalledAsync(int count) => _called.UntilAsync(() => Calls.Count >= count, $"{count} handlers to start");

    /// <summary>A handler's wait for its call to be cancelled, told to the test.</summary>
    public static Task UntilCancelledAsync(ServerCallContext context, TaskCompletionSource? started = null)
    {
        CancellationToken token = context.CancellationToken;
        started?.TrySetResult();
        return Eventually.IsCancelledAsync("the call's token to be cancelled", token);
    }

    /// <summary>
    /// A handler that reads nothing until its call is cancelled, however long that takes: where something else must run out of patience
    /// first.
    /// </summary>
    public static async Task<byte[]> StallAsync(ServerCallContext context)
    {
        await Task.Delay(Timeout.Infinite, context.CancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return [];
    }

    private ServerCallContext Note(ServerCallContext context)
    {
        Calls.Enqueue(context);
        _called.Tell();
        return context;
    }

    private static Method<byte[], byte[]> Define(MethodType type, string name) => new(type, "test", name, s_octets, s_octets);
}
