using System.Buffers.Binary;
using Grpc.Core;

namespace MiniGrpc.Conformance.Soak.World;

/// <summary>What a handler is asked to do.</summary>
internal enum Order : byte
{
    /// <summary>Answer with as many octets as asked for.</summary>
    Answer,

    /// <summary>End with a status that is no OK.</summary>
    Fail,

    /// <summary>Do nothing until the call is cancelled.</summary>
    AwaitCancellation,
}

/// <summary>One method of each kind, on octets. A request is an order, a size, and anything.</summary>
internal static class SoakService
{
    public static readonly Method<byte[], byte[]> Unary = Define(MethodType.Unary, "Unary");
    public static readonly Method<byte[], byte[]> Collect = Define(MethodType.ClientStreaming, "Collect");
    public static readonly Method<byte[], byte[]> Spread = Define(MethodType.ServerStreaming, "Spread");
    public static readonly Method<byte[], byte[]> Duplex = Define(MethodType.DuplexStreaming, "Duplex");

    /// <summary>What <see cref="Spread"/> sends.</summary>
    public const int SpreadCount = 30;

    private const int HeadSize = 5;

    /// <summary>The service for a server.</summary>
    public static ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Unary, RunAsync)
        .AddMethod(Collect, async (requests, context) =>
        {
            byte[] last = Request(Order.Answer, 0, 0);
            while (await requests.MoveNext(context.CancellationToken))
            {
                last = requests.Current;
            }

            return await RunAsync(last, context);
        })
        .AddMethod(Spread, async (request, responses, context) =>
        {
            for (int i = 0; i < SpreadCount; i++)
            {
                await responses.WriteAsync(await RunAsync(request, context), context.CancellationToken);
            }
        })
        .AddMethod(Duplex, async (requests, responses, context) =>
        {
            while (await requests.MoveNext(context.CancellationToken))
            {
                await responses.WriteAsync(await RunAsync(requests.Current, context), context.CancellationToken);
            }
        })
        .Build();

    /// <summary>A request that asks for <paramref name="answerSize"/> octets and carries <paramref name="padding"/> more itself.</summary>
    public static byte[] Request(Order order, int answerSize, int padding)
    {
        byte[] request = new byte[HeadSize + padding];
        request[0] = (byte)order;
        BinaryPrimitives.WriteInt32LittleEndian(request.AsSpan(1), answerSize);
        return request;
    }

    private static async Task<byte[]> RunAsync(byte[] request, ServerCallContext context)
    {
        switch ((Order)request[0])
        {
            case Order.Fail:
                throw new RpcException(new Status(StatusCode.Aborted, "as asked"), new Metadata { { "why-bin", [1, 2, 3] } });
            case Order.AwaitCancellation:
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
                break;
        }

        return new byte[BinaryPrimitives.ReadInt32LittleEndian(request.AsSpan(1))];
    }

    private static Method<byte[], byte[]> Define(MethodType type, string name)
    {
        Marshaller<byte[]> octets = Marshallers.Create(value => value, value => value);
        return new Method<byte[], byte[]>(type, "soak", name, octets, octets);
    }
}
