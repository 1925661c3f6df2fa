using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using MiniGrpc.Conformance.Protos;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>The same for all kinds of call.</summary>
internal sealed class Around(Func<ServerCallContext, Func<ServerCallContext, Task>, Task> around) : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        TResponse? response = null;
        await around(context, async inner => response = await continuation(request, inner));
        return response!;
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        TResponse? response = null;
        await around(context, async inner => response = await continuation(requestStream, inner));
        return response!;
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        around(context, inner => continuation(request, responseStream, inner));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        around(context, inner => continuation(requestStream, responseStream, inner));
}

/// <summary>Requests reach the handler in capitals, responses the client with an exclamation mark; a stream has one more.</summary>
internal sealed class Replacing : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        Louder(await continuation(Upper(request), context));

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        Louder(await continuation(new UpperReader<TRequest>(requestStream), context));

    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await continuation(Upper(request), new LouderWriter<TResponse>(responseStream), context);
        await responseStream.WriteAsync(Response<TResponse>("bye"));
    }

    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        await continuation(new UpperReader<TRequest>(requestStream), new LouderWriter<TResponse>(responseStream), context);
        await responseStream.WriteAsync(Response<TResponse>("bye"));
    }

    public static T Response<T>(string payload) => (T)(object)new Response { Payload = ByteString.CopyFromUtf8(payload) };

    private static T Upper<T>(T request) =>
        (T)(object)new Request { Payload = ByteString.CopyFromUtf8(((Request)(object)request!).Payload.ToStringUtf8().ToUpperInvariant()) };

    private static T Louder<T>(T response) => Response<T>(((Response)(object)response!).Payload.ToStringUtf8() + "!");

    private sealed class UpperReader<T>(IAsyncStreamReader<T> requests) : IAsyncStreamReader<T>
    {
        public T Current => Upper(requests.Current);

        public Task<bool> MoveNext(CancellationToken cancellationToken) => requests.MoveNext(cancellationToken);
    }

    private sealed class LouderWriter<T>(IServerStreamWriter<T> responses) : IServerStreamWriter<T>
    {
        public WriteOptions? WriteOptions
        {
            get => responses.WriteOptions;
            set => responses.WriteOptions = value;
        }

        public Task WriteAsync(T message) => responses.WriteAsync(Louder(message));
    }
}

/// <summary>Answers by itself.</summary>
internal sealed class Answering : Interceptor
{
    public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation) =>
        Task.FromResult(Replacing.Response<TResponse>("from the cache"));

    public override Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation) =>
        Task.FromResult(Replacing.Response<TResponse>("from the cache"));

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        responseStream.WriteAsync(Replacing.Response<TResponse>("from the cache"));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        responseStream.WriteAsync(Replacing.Response<TResponse>("from the cache"));
}

/// <summary>A context that passes everything on but the request's headers.</summary>
internal sealed class OtherContext(ServerCallContext context, Metadata requestHeaders) : ServerCallContext
{
    protected override string MethodCore => context.Method;

    protected override string HostCore => context.Host;

    protected override string PeerCore => context.Peer;

    protected override DateTime DeadlineCore => context.Deadline;

    protected override Metadata RequestHeadersCore => requestHeaders;

    protected override CancellationToken CancellationTokenCore => context.CancellationToken;

    protected override Metadata ResponseTrailersCore => context.ResponseTrailers;

    protected override Status StatusCore
    {
        get => context.Status;
        set => context.Status = value;
    }

    protected override WriteOptions? WriteOptionsCore
    {
        get => context.WriteOptions;
        set => context.WriteOptions = value;
    }

    protected override AuthContext AuthContextCore => context.AuthContext;

    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders) => context.WriteResponseHeadersAsync(responseHeaders);

    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => context.CreatePropagationToken(options);
}
