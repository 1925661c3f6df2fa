using Grpc.Core;

namespace MiniGrpc.Conformance.Fuzz.Sessions;

/// <summary>One method of each kind, on octets as they are: what comes in goes out again.</summary>
internal static class EchoService
{
    public static readonly Method<byte[], byte[]> UnaryMethod = Define(MethodType.Unary, "Unary");
    public static readonly Method<byte[], byte[]> CollectMethod = Define(MethodType.ClientStreaming, "Collect");
    public static readonly Method<byte[], byte[]> SpreadMethod = Define(MethodType.ServerStreaming, "Spread");
    public static readonly Method<byte[], byte[]> DuplexMethod = Define(MethodType.DuplexStreaming, "Duplex");

    /// <summary>What <see cref="Spread"/> sends at the most: an input may ask for anything.</summary>
    private const int MaxResponses = 20;

    /// <summary>The service for a server.</summary>
    public static ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(UnaryMethod, Unary)
        .AddMethod(CollectMethod, Collect)
        .AddMethod(SpreadMethod, Spread)
        .AddMethod(DuplexMethod, Duplex)
        .Build();

    private static async Task<byte[]> Unary(byte[] request, ServerCallContext context)
    {
        if (request is [0xff, ..])
        {
            throw new RpcException(new Status(StatusCode.Aborted, "asked for \u263a"), new Metadata { { "why-bin", request } });
        }

        foreach (Metadata.Entry entry in context.RequestHeaders.Where(MayBeSent))
        {
            context.ResponseTrailers.Add(entry);
        }

        await context.WriteResponseHeadersAsync([]);
        return request;
    }

    /// <summary>A server takes more than it sends: not every character that came in may go out.</summary>
    private static bool MayBeSent(Metadata.Entry entry) =>
        entry.Key.StartsWith("echo-", StringComparison.Ordinal) && (entry.IsBinary || entry.Value.All(letter => letter is >= ' ' and <= '~'));

    private static async Task<byte[]> Collect(IAsyncStreamReader<byte[]> requests, ServerCallContext context)
    {
        var all = new List<byte>();
        while (await requests.MoveNext(context.CancellationToken))
        {
            all.AddRange(requests.Current);
        }

        return [.. all];
    }

    private static async Task Spread(byte[] request, IServerStreamWriter<byte[]> responses, ServerCallContext context)
    {
        foreach (byte octet in request.Take(MaxResponses))
        {
            await responses.WriteAsync(new byte[octet], context.CancellationToken);
        }
    }

    private static async Task Duplex(IAsyncStreamReader<byte[]> requests, IServerStreamWriter<byte[]> responses, ServerCallContext context)
    {
        while (await requests.MoveNext(context.CancellationToken))
        {
            await responses.WriteAsync(requests.Current, context.CancellationToken);
        }
    }

    private static Method<byte[], byte[]> Define(MethodType type, string name)
    {
        Marshaller<byte[]> octets = Marshallers.Create(value => value, value => value);
        return new Method<byte[], byte[]>(type, "fuzz", name, octets, octets);
    }
}
