using Grpc.Core;

using MiniGrpc.Server.Diagnostics;

namespace MiniGrpc.Server;

/// <summary>One method of a service: how its requests are read, its handler called, and its responses written.</summary>
internal abstract class MethodHandler
{
    protected MethodHandler(IMethod method)
    {
        FullName = method.FullName;
        ServiceName = method.ServiceName;
    }

    /// <summary><c>package.Service</c>.</summary>
    public string ServiceName { get; }

    /// <summary><c>/package.Service/Method</c>, as <c>:path</c> has it.</summary>
    public string FullName { get; }

    /// <summary>What metrics and spans say of its calls.</summary>
    public MethodLabels Labels => field ??= MethodLabels.Of(FullName);

    /// <summary>Whether the handler is given one request, and so starts when that is complete.</summary>
    public abstract bool TakesOneRequest { get; }

    /// <summary>Whether it is one response besides, so that the call is over when the handler is: it has no reader or writer to keep.</summary>
    public virtual bool IsUnary => false;

    /// <summary>Whether the tokens of its calls are cancelled when the server begins to stop.</summary>
    public bool IsToldOfShutdown { get; set; }

    /// <summary>Runs the handler. It completes the call when it returns without an exception.</summary>
    public abstract Task RunAsync(ServerCall call);
}

/// <summary>One request, one response.</summary>
internal sealed class UnaryHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> handler)
    : MethodHandler(method)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc />
    public override bool TakesOneRequest => true;

    /// <inheritdoc />
    public override bool IsUnary => true;

    /// <inheritdoc />
    public override async Task RunAsync(ServerCall call)
    {
        TRequest request = call.ReadOnlyRequest(method.RequestMarshaller);
        TResponse response = await handler(request, call).ConfigureAwait(false);
        call.Complete(method.ResponseMarshaller, response);
    }
}

/// <summary>Many requests, one response.</summary>
internal sealed class ClientStreamingHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse> handler)
    : MethodHandler(method)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc />
    public override bool TakesOneRequest => false;

    /// <inheritdoc />
    public override async Task RunAsync(ServerCall call)
    {
        RequestReader<TRequest> requests = call.CreateReader(method.RequestMarshaller);
        TResponse response = await handler(requests, call).ConfigureAwait(false);
        call.Complete(method.ResponseMarshaller, response);
    }
}

/// <summary>One request, many responses.</summary>
internal sealed class ServerStreamingHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> handler)
    : MethodHandler(method)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc />
    public override bool TakesOneRequest => true;

    /// <inheritdoc />
    public override async Task RunAsync(ServerCall call)
    {
        TRequest request = call.ReadOnlyRequest(method.RequestMarshaller);
        await handler(request, new ResponseWriter<TResponse>(call, method.ResponseMarshaller), call).ConfigureAwait(false);
        call.Complete();
    }
}

/// <summary>Many requests, many responses, in any order.</summary>
internal sealed class DuplexHandler<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> handler)
    : MethodHandler(method)
    where TRequest : class
    where TResponse : class
{
    /// <inheritdoc />
    public override bool TakesOneRequest => false;

    /// <inheritdoc />
    public override async Task RunAsync(ServerCall call)
    {
        RequestReader<TRequest> requests = call.CreateReader(method.RequestMarshaller);
        await handler(requests, new ResponseWriter<TResponse>(call, method.ResponseMarshaller), call).ConfigureAwait(false);
        call.Complete();
    }
}
