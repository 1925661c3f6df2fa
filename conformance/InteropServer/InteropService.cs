using Google.Protobuf;
using Grpc.Core;
using Grpc.Testing;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.InteropServer;

/// <summary>What the interoperability cases ask of a server. Runs on any server that takes what Grpc.Tools generates.</summary>
/// <param name="isRequestCompressed">Whether the request that a call has read last came compressed; null where the server can't tell.</param>
internal sealed class InteropService(Func<ServerCallContext, bool?> isRequestCompressed) : TestService.TestServiceBase
{
    private const string EchoInitial = "x-grpc-test-echo-initial";
    private const string EchoTrailing = "x-grpc-test-echo-trailing-bin";

    /// <summary>What Grpc.AspNetCore chose to let a handler ask for compressed responses, and MiniGrpc understands as well.</summary>
    private const string ResponseEncoding = "grpc-internal-encoding-request";

    /// <summary>Tells the servers of a name apart.</summary>
    private static readonly string s_serverId = $"{Environment.MachineName}-{Environment.ProcessId}";

    /// <summary>What the payloads of most responses are made of; the largest that a case asks for is 314,159 octets.</summary>
    private static readonly byte[] s_zeros = new byte[1 << 20];

    /// <summary>The service, for any server to serve.</summary>
    public static ServerServiceDefinition Define(Func<ServerCallContext, bool?> isRequestCompressed) =>
        TestService.BindService(new InteropService(isRequestCompressed));

    public override Task<Empty> EmptyCall(Empty request, ServerCallContext context) => Task.FromResult(new Empty());

    public override async Task<SimpleResponse> UnaryCall(SimpleRequest request, ServerCallContext context)
    {
        Expect(request.ExpectCompressed, context);
        await SendHeadersAsync(context, compress: request.ResponseCompressed is { Value: true });
        FailIfAsked(request.ResponseStatus);
        context.WriteOptions = OptionsFor(request.ResponseCompressed);
        return new SimpleResponse
        {
            Payload = PayloadOf(request.ResponseSize),
            ServerId = request.FillServerId ? s_serverId : "",
            Hostname = Environment.MachineName,
        };
    }

    /// <summary>Without a cache in between, the same answer has to be the same by itself: it is the question.</summary>
    public override Task<SimpleResponse> CacheableUnaryCall(SimpleRequest request, ServerCallContext context) =>
        Task.FromResult(new SimpleResponse { Payload = request.Payload });

    public override async Task StreamingOutputCall(
        StreamingOutputCallRequest request, IServerStreamWriter<StreamingOutputCallResponse> responseStream, ServerCallContext context)
    {
        await SendHeadersAsync(context, compress: request.ResponseParameters.Any(response => response.Compressed is { Value: true }));
        await RespondAsync(request, responseStream, context);
    }

    public override async Task<StreamingInputCallResponse> StreamingInputCall(
        IAsyncStreamReader<StreamingInputCallRequest> requestStream, ServerCallContext context)
    {
        int sum = 0;
        await foreach (StreamingInputCallRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            Expect(request.ExpectCompressed, context);
            sum += request.Payload.Body.Length;
        }

        return new StreamingInputCallResponse { AggregatedPayloadSize = sum };
    }

    public override async Task FullDuplexCall(
        IAsyncStreamReader<StreamingOutputCallRequest> requestStream,
        IServerStreamWriter<StreamingOutputCallResponse> responseStream,
        ServerCallContext context)
    {
        await SendHeadersAsync(context, compress: false);
        await foreach (StreamingOutputCallRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            FailIfAsked(request.ResponseStatus);
            await RespondAsync(request, responseStream, context);
        }
    }

    public override async Task HalfDuplexCall(
        IAsyncStreamReader<StreamingOutputCallRequest> requestStream,
        IServerStreamWriter<StreamingOutputCallResponse> responseStream,
        ServerCallContext context)
    {
        await SendHeadersAsync(context, compress: false);
        var requests = new List<StreamingOutputCallRequest>();
        await foreach (StreamingOutputCallRequest request in requestStream.ReadAllAsync(context.CancellationToken))
        {
            requests.Add(request);
        }

        foreach (StreamingOutputCallRequest request in requests)
        {
            await RespondAsync(request, responseStream, context);
        }
    }

    private static async Task RespondAsync(
        StreamingOutputCallRequest request, IServerStreamWriter<StreamingOutputCallResponse> responses, ServerCallContext context)
    {
        foreach (ResponseParameters response in request.ResponseParameters)
        {
            if (response.IntervalUs > 0)
            {
                await Task.Delay(TimeSpan.FromMicroseconds(response.IntervalUs), context.CancellationToken);
            }

            responses.WriteOptions = OptionsFor(response.Compressed);
            await responses.WriteAsync(new StreamingOutputCallResponse { Payload = PayloadOf(response.Size) });
        }
    }

    /// <summary>Request metadata of two names comes back: one in the headers, one in the trailers.</summary>
    private static Task SendHeadersAsync(ServerCallContext context, bool compress)
    {
        var headers = new Metadata();
        foreach (Metadata.Entry entry in context.RequestHeaders)
        {
            switch (entry.Key)
            {
                case EchoInitial:
                    headers.Add(entry);
                    break;
                case EchoTrailing:
                    context.ResponseTrailers.Add(entry);
                    break;
            }
        }

        if (compress)
        {
            headers.Add(ResponseEncoding, "gzip");
        }

        return headers.Count > 0 ? context.WriteResponseHeadersAsync(headers) : Task.CompletedTask;
    }

    private static void FailIfAsked(EchoStatus? status)
    {
        if (status is { Code: not 0 })
        {
            throw new RpcException(new Status((StatusCode)status.Code, status.Message));
        }
    }

    private void Expect(BoolValue? compressed, ServerCallContext context)
    {
        if (compressed is not null && isRequestCompressed(context) is { } isCompressed && isCompressed != compressed.Value)
        {
            throw new RpcException(new Status(
                StatusCode.InvalidArgument, $"The request was to be {(compressed.Value ? "compressed, but isn't" : "plain, but is compressed")}."));
        }
    }

    private static WriteOptions OptionsFor(BoolValue? compressed) =>
        compressed is { Value: false } ? new WriteOptions(WriteFlags.NoCompress) : WriteOptions.Default;

    private static Payload PayloadOf(int size) => new()
    {
        Body = UnsafeByteOperations.UnsafeWrap(size <= s_zeros.Length ? s_zeros.AsMemory(0, size) : new byte[size]),
    };
}
