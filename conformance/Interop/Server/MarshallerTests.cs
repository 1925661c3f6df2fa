using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>Messages that are no Protocol Buffers: octets as they are, and JSON. A marshaller decides, and gRPC doesn't look inside.</summary>
public sealed class MarshallerTests
{
    private static readonly Marshaller<byte[]> s_octets = Marshallers.Create(octets => octets, octets => octets);
    private static readonly Marshaller<byte[]> s_octetsByContext = Marshallers.Create(
        (octets, context) => context.Complete(octets), context => context.PayloadAsNewBuffer());

    private static readonly JsonSerializerOptions s_web = new(JsonSerializerDefaults.Web) { TypeInfoResolver = new DefaultJsonTypeInfoResolver() };

    [Theory, Matrix]
    public async Task Octets_pass_as_they_are(Pair pair, Kind kind, bool byContext)
    {
        Marshaller<byte[]> marshaller = byContext ? s_octetsByContext : s_octets;
        foreach (int length in new[] { 0, 1, 70_000, 1 << 20 })
        {
            byte[] payload = Pattern.Bytes(length).ToByteArray();
            foreach (byte[] response in await CallAsync(pair, kind, marshaller, marshaller, payload, request => request))
            {
                Assert.Equal(payload, response);
            }
        }
    }

    [Theory, Matrix]
    public async Task Json_passes_from_and_to_the_buffers_of_the_transport(Pair pair, Kind kind)
    {
        Order order = new("42", [new Item("tea", 2), new Item("Gebäck", 300_000)], Note: new string('x', 100_000));
        foreach (Receipt receipt in await CallAsync(pair, kind, Json<Order>(), Json<Receipt>(), order, TakeOrder))
        {
            Assert.Equal(new Receipt("42", 300_002, "Gebäck", 100_000), receipt);
        }
    }

    /// <summary>What a marshaller can't read is the call's failure, and the connection's next call is none the worse.</summary>
    [Theory, Matrix]
    public async Task What_is_no_json_ends_the_call(IClientPeer peer, Kind kind)
    {
        await using GrpcServer server = await OurServer.StartAsync(server => server.Services.Add(Bind(kind, Json<Order>(), Json<Receipt>(), TakeOrder)));
        await using IClientChannel channel = server.ConnectBy(peer);

        RpcException e = await Assert.ThrowsAsync<RpcException>(
            () => CallAsync(channel.Channel.CreateCallInvoker(), Define(kind, s_octets, s_octets), "{ \"id\": "u8.ToArray()));
        Assert.Equal(StatusCode.Internal, e.StatusCode);
        Assert.StartsWith("A message can't be read: ", e.Status.Detail, StringComparison.Ordinal);

        IReadOnlyList<Receipt> receipts = await CallAsync(
            channel.Channel.CreateCallInvoker(), Define(kind, Json<Order>(), Json<Receipt>()), new Order("1", [], ""));
        Assert.All(receipts, receipt => Assert.Equal("1", receipt.Id));
    }

    private static Receipt TakeOrder(Order order) =>
        new(order.Id, order.Items.Sum(item => item.Count), order.Items.LastOrDefault()?.Name ?? "", order.Note.Length);

    private static Marshaller<T> Json<T>() => Marshallers.Create(
        (T value, SerializationContext context) =>
        {
            using Utf8JsonWriter writer = new(context.GetBufferWriter());
            JsonSerializer.Serialize(writer, value, s_web);
            writer.Flush();
            context.Complete();
        },
        context =>
        {
            Utf8JsonReader reader = new(context.PayloadAsReadOnlySequence());
            return JsonSerializer.Deserialize<T>(ref reader, s_web)!;
        });

    private static async Task<IReadOnlyList<TResponse>> CallAsync<TRequest, TResponse>(
        Pair pair, Kind kind, Marshaller<TRequest> requests, Marshaller<TResponse> responses, TRequest request, Func<TRequest, TResponse> handle)
        where TRequest : class
        where TResponse : class
    {
        await using IRunningServer server = await pair.Server.StartAsync(
            new ServerSetup { Transport = pair.Transport, Services = [Bind(kind, requests, responses, handle)] });
        await using IClientChannel channel = pair.Client.Connect(server.Address, ClientSetup.Default);
        return await CallAsync(channel.Channel.CreateCallInvoker(), Define(kind, requests, responses), request);
    }

    private static Method<TRequest, TResponse> Define<TRequest, TResponse>(Kind kind, Marshaller<TRequest> requests, Marshaller<TResponse> responses) =>
        new(TypeOf(kind), "custom.Service", $"{kind}", requests, responses);

    private static MethodType TypeOf(Kind kind) => kind switch
    {
        Kind.Unary => MethodType.Unary,
        Kind.ClientStreaming => MethodType.ClientStreaming,
        Kind.ServerStreaming => MethodType.ServerStreaming,
        _ => MethodType.DuplexStreaming,
    };

    /// <summary>A stream of requests has one response each, or one for the last; a stream of responses has two for the only request.</summary>
    private static ServerServiceDefinition Bind<TRequest, TResponse>(
        Kind kind, Marshaller<TRequest> requests, Marshaller<TResponse> responses, Func<TRequest, TResponse> handle)
        where TRequest : class
        where TResponse : class
    {
        Method<TRequest, TResponse> method = Define(kind, requests, responses);
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.CreateBuilder();
        return (kind switch
        {
            Kind.Unary => builder.AddMethod(method, (request, _) => Task.FromResult(handle(request))),
            Kind.ClientStreaming => builder.AddMethod(method, async (stream, _) =>
            {
                TRequest? last = null;
                while (await stream.MoveNext(CancellationToken.None))
                {
                    last = stream.Current;
                }

                return handle(last!);
            }),
            Kind.ServerStreaming => builder.AddMethod(method, async (request, stream, _) =>
            {
                await stream.WriteAsync(handle(request));
                await stream.WriteAsync(handle(request));
            }),
            _ => builder.AddMethod(method, async (stream, written, _) =>
            {
                while (await stream.MoveNext(CancellationToken.None))
                {
                    await written.WriteAsync(handle(stream.Current));
                }
            }),
        }).Build();
    }

    /// <summary>Calls with the request, twice where the kind takes many.</summary>
    private static async Task<IReadOnlyList<TResponse>> CallAsync<TRequest, TResponse>(
        CallInvoker invoker, Method<TRequest, TResponse> method, TRequest request)
        where TRequest : class
        where TResponse : class
    {
        switch (method.Type)
        {
            case MethodType.Unary:
                return [await invoker.AsyncUnaryCall(method, null, default, request).ResponseAsync.WithinLimit("the response")];
            case MethodType.ServerStreaming:
                using (AsyncServerStreamingCall<TResponse> call = invoker.AsyncServerStreamingCall(method, null, default, request))
                {
                    return await ReadAsync(call.ResponseStream, 2);
                }

            case MethodType.ClientStreaming:
                using (AsyncClientStreamingCall<TRequest, TResponse> call = invoker.AsyncClientStreamingCall(method, null, default))
                {
                    await SendTwiceAsync(call.RequestStream, request);
                    return [await call.ResponseAsync.WithinLimit("the response")];
                }

            default:
                using (AsyncDuplexStreamingCall<TRequest, TResponse> call = invoker.AsyncDuplexStreamingCall(method, null, default))
                {
                    Task sent = SendTwiceAsync(call.RequestStream, request);
                    IReadOnlyList<TResponse> responses = await ReadAsync(call.ResponseStream, 2);
                    await sent;
                    return responses;
                }
        }
    }

    /// <summary>A call that fails meanwhile is seen from its responses.</summary>
    private static async Task SendTwiceAsync<TRequest>(IClientStreamWriter<TRequest> requests, TRequest request)
    {
        try
        {
            await requests.WriteAsync(request).WithinLimit("a request");
            await requests.WriteAsync(request).WithinLimit("a request");
            await requests.CompleteAsync().WithinLimit("the last request");
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException or HttpRequestException)
        {
            // It is over.
        }
    }

    private static async Task<IReadOnlyList<TResponse>> ReadAsync<TResponse>(IAsyncStreamReader<TResponse> responses, int count)
    {
        List<TResponse> all = [];
        while (await responses.MoveNext(CancellationToken.None).WithinLimit("a response"))
        {
            all.Add(responses.Current);
        }

        Assert.Equal(count, all.Count);
        return all;
    }

    private sealed record Order(string Id, Item[] Items, string Note);

    private sealed record Item(string Name, int Count);

    private sealed record Receipt(string Id, int Count, string Last, int NoteLength);
}
