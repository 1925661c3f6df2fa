using Grpc.Core;

namespace MiniGrpc.Client;

/// <summary>Starts the calls of a channel, for generated clients and interceptors.</summary>
internal sealed class MiniCallInvoker(MiniChannel channel) : CallInvoker
{
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
        var call = new UnaryResponseCall<TRequest, TResponse>(channel, method, options);
        call.Start(request);
        return new AsyncUnaryCall<TResponse>(
            call.Response, static c => ((ClientCall)c).ResponseHeaders, static c => ((ClientCall)c).GetStatus(), static c => ((ClientCall)c).GetTrailers(), static c => ((ClientCall)c).Dispose(), call);
    }

    /// <inheritdoc />
    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = new UnaryResponseCall<TRequest, TResponse>(channel, method, options);
        RequestWriter<TRequest, TResponse> writer = call.StartStreaming();
        return new AsyncClientStreamingCall<TRequest, TResponse>(
            writer, call.Response, static c => ((ClientCall)c).ResponseHeaders, static c => ((ClientCall)c).GetStatus(), static c => ((ClientCall)c).GetTrailers(), static c => ((ClientCall)c).Dispose(), call);
    }

    /// <inheritdoc />
    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        var call = new StreamingResponseCall<TRequest, TResponse>(channel, method, options);
        call.Start(request);
        return new AsyncServerStreamingCall<TResponse>(
            call.Reader, static c => ((ClientCall)c).ResponseHeaders, static c => ((ClientCall)c).GetStatus(), static c => ((ClientCall)c).GetTrailers(), static c => ((ClientCall)c).Dispose(), call);
    }

    /// <inheritdoc />
    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        var call = new StreamingResponseCall<TRequest, TResponse>(channel, method, options);
        RequestWriter<TRequest, TResponse> writer = call.StartStreaming();
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            writer, call.Reader, static c => ((ClientCall)c).ResponseHeaders, static c => ((ClientCall)c).GetStatus(), static c => ((ClientCall)c).GetTrailers(), static c => ((ClientCall)c).Dispose(), call);
    }
}
