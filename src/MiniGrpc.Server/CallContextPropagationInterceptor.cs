using Grpc.Core;
using Grpc.Core.Interceptors;

namespace MiniGrpc.Server;

/// <summary>
/// Carries the deadline and the cancellation of the call that is being served to the calls that its handler makes: a child call has to
/// end when its parent does, at the latest.
/// <code>
/// var propagation = new CallContextPropagationInterceptor();
/// server.Interceptors.Add(propagation);
/// var client = new Greeter.GreeterClient(channel.Intercept(propagation));
/// </code>
/// On the server it makes the call known to whatever its handler starts; on the client it looks for it. Where that must not cost
/// anything, or the call is to be said, <c>channel.Intercept(new CallContextPropagationInterceptor(context))</c> in the handler needs
/// nothing on the server.
/// </summary>
/// <remarks>
/// The child's deadline is the sooner of its own and its parent's, and either token cancels it. For all threads. A streaming call that
/// has a token of its own has to be read to its end or disposed of, as ever.
/// </remarks>
public sealed class CallContextPropagationInterceptor : Interceptor
{
    private static readonly AsyncLocal<ServerCallContext?> s_served = new();

    private readonly ServerCallContext? _context;

    /// <summary>Carries from the call that is being served where a call is made.</summary>
    public CallContextPropagationInterceptor()
    {
    }

    /// <summary>Carries from the call of <paramref name="context"/>.</summary>
    public CallContextPropagationInterceptor(ServerCallContext context)
    {
        ArgumentNullException.ThrowIfNull(context);
        _context = context;
    }

    /// <summary>
    /// Whether calls that are made where no call is being served go out as they are. Default false: they throw, since a child that was
    /// taken for nobody's would outlive its parent unnoticed.
    /// </summary>
    public bool SuppressContextNotFoundErrors { get; init; }

    /// <inheritdoc />
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        s_served.Value = context; // forgotten when this method returns, as all that an async method changes of it
        return await continuation(request, context).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        s_served.Value = context;
        return await continuation(requestStream, context).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public override async Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        s_served.Value = context;
        await continuation(request, responseStream, context).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public override async Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        s_served.Value = context;
        await continuation(requestStream, responseStream, context).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, BlockingUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        using PropagatedCall child = Propagate(ref context);
        return continuation(request, context);
    }

    /// <inheritdoc />
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        TRequest request, ClientInterceptorContext<TRequest, TResponse> context, AsyncUnaryCallContinuation<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        PropagatedCall child = Propagate(ref context);
        return child.Start(() => continuation(request, context), static (call, child) => child.Until(call));
    }

    /// <inheritdoc />
    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        PropagatedCall child = Propagate(ref context);
        return child.Start(() => continuation(context), static (call, child) => child.Until(call));
    }

    /// <inheritdoc />
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        TRequest request,
        ClientInterceptorContext<TRequest, TResponse> context,
        AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        PropagatedCall child = Propagate(ref context);
        return child.Start(() => continuation(request, context), static (call, child) => child.Until(call));
    }

    /// <inheritdoc />
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        ClientInterceptorContext<TRequest, TResponse> context, AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation)
    {
        ArgumentNullException.ThrowIfNull(continuation);
        PropagatedCall child = Propagate(ref context);
        return child.Start(() => continuation(context), static (call, child) => child.Until(call));
    }

    /// <summary>Gives the child's options what its parent has.</summary>
    private PropagatedCall Propagate<TRequest, TResponse>(ref ClientInterceptorContext<TRequest, TResponse> context)
        where TRequest : class
        where TResponse : class
    {
        ServerCallContext? parent = _context ?? s_served.Value;
        if (parent is null)
        {
            return SuppressContextNotFoundErrors
                ? default
                : throw new InvalidOperationException(
                    $"No call is being served where {context.Method.FullName} is called, so there is no deadline and no cancellation to carry on. "
                    + "Add the interceptor to the server's Interceptors, give it the ServerCallContext, or set SuppressContextNotFoundErrors.");
        }

        CallOptions options = context.Options;
        if (parent.Deadline != DateTime.MaxValue && !(options.Deadline <= parent.Deadline))
        {
            options = options.WithDeadline(parent.Deadline);
        }

        PropagatedCall child = PropagatedCall.Link(options.CancellationToken, parent.CancellationToken, out CancellationToken token);
        context = new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, options.WithCancellationToken(token));
        return child;
    }
}
