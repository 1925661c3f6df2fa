using Grpc.Core;

using MiniGrpc.Client.Repeating;

namespace MiniGrpc.Client;

/// <summary>Starts the calls of a channel, for generated clients and interceptors. Those that may be tried again take another way than the others.</summary>
internal sealed class MiniCallInvoker(MiniChannel channel) : CallInvoker
{
    private static readonly Func<object, Task<Metadata>> s_headers = static call => ((ICallHandle)call).ResponseHeaders;
    private static readonly Func<object, Status> s_status = static call => ((ICallHandle)call).GetStatus();
    private static readonly Func<object, Metadata> s_trailers = static call => ((ICallHandle)call).GetTrailers();
    private static readonly Action<object> s_dispose = static call => ((ICallHandle)call).Dispose();

    /// <inheritdoc />
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        using AsyncUnaryCall<TResponse> call = AsyncUnaryCall(method, host, options, request);
        return call.ResponseAsync.GetAwaiter().GetResult();
    }

    /// <inheritdoc />
    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        if (Repeats(method, ref options, out bool awaitsConfig) is { } plan)
        {
            var repeated = new RepeatedUnaryResponseCall<TRequest, TResponse>(channel, method, plan, options, awaitsConfig);
            repeated.Start(request);
            return new AsyncUnaryCall<TResponse>(repeated.Response, s_headers, s_status, s_trailers, s_dispose, repeated);
        }

        var call = new UnaryResponseCall<TRequest, TResponse>(channel, method, options);
        call.Start(request);
        return new AsyncUnaryCall<TResponse>(call.Response, s_headers, s_status, s_trailers, s_dispose, call);
    }

    /// <inheritdoc />
    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        if (Repeats(method, ref options, out bool awaitsConfig) is { } plan)
        {
            var repeated = new RepeatedUnaryResponseCall<TRequest, TResponse>(channel, method, plan, options, awaitsConfig);
            return new AsyncClientStreamingCall<TRequest, TResponse>(repeated.StartStreaming(), repeated.Response, s_headers, s_status, s_trailers, s_dispose, repeated);
        }

        var call = new UnaryResponseCall<TRequest, TResponse>(channel, method, options);
        return new AsyncClientStreamingCall<TRequest, TResponse>(call.StartStreaming(), call.Response, s_headers, s_status, s_trailers, s_dispose, call);
    }

    /// <inheritdoc />
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        if (Repeats(method, ref options, out bool awaitsConfig) is { } plan)
        {
            var repeated = new RepeatedStreamingResponseCall<TRequest, TResponse>(channel, method, plan, options, awaitsConfig);
            repeated.Start(request);
            return new AsyncServerStreamingCall<TResponse>(repeated.Reader, s_headers, s_status, s_trailers, s_dispose, repeated);
        }

        var call = new StreamingResponseCall<TRequest, TResponse>(channel, method, options);
        call.Start(request);
        return new AsyncServerStreamingCall<TResponse>(call.Reader, s_headers, s_status, s_trailers, s_dispose, call);
    }

    /// <inheritdoc />
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        if (Repeats(method, ref options, out bool awaitsConfig) is { } plan)
        {
            var repeated = new RepeatedStreamingResponseCall<TRequest, TResponse>(channel, method, plan, options, awaitsConfig);
            return new AsyncDuplexStreamingCall<TRequest, TResponse>(repeated.StartStreaming(), repeated.Reader, s_headers, s_status, s_trailers, s_dispose, repeated);
        }

        var call = new StreamingResponseCall<TRequest, TResponse>(channel, method, options);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(call.StartStreaming(), call.Reader, s_headers, s_status, s_trailers, s_dispose, call);
    }

    /// <summary>
    /// Fills <paramref name="options"/> up with what the service config says of the method, and returns it if a call may have several
    /// attempts; or, with <paramref name="awaitsConfig"/>, if what calls go by isn't known yet.
    /// </summary>
    private MethodPlan? Repeats(IMethod method, ref CallOptions options, out bool awaitsConfig)
    {
        awaitsConfig = channel.Core.AwaitsConfig; // asked once: it may change any moment
        MethodPlan plan = channel.PlanOf(method);
        if (awaitsConfig)
        {
            return plan;
        }

        options = plan.Apply(options);
        return plan.Repeats ? plan : null;
    }
}
