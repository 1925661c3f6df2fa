using Grpc.Core;
using Grpc.Core.Interceptors;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>Client interceptors see every call and may change it.</summary>
public sealed class InterceptorTests
{
    [Theory, Matrix(AcrossProcesses = true)]
    public async Task An_interceptor_sees_and_changes_calls_of_every_kind(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        RecordingInterceptor interceptor = new();
        TestService.TestServiceClient client = new(session.Invoker.Intercept(interceptor));

        Outcome outcome = await AnyCall.RunAsync(client, kind, default, new Request());

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal([$"/minigrpc.conformance.TestService/{kind}"], interceptor.Methods);
        Assert.Equal($"{kind}", outcome.Trailers.GetValue(RecordingInterceptor.HeaderName));
    }

    [Theory, Matrix]
    public async Task An_interceptor_sees_blocking_calls(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        RecordingInterceptor interceptor = new();
        TestService.TestServiceClient client = new(session.Invoker.Intercept(interceptor));

        await Task.Run(() => client.Unary(new Request())).WithinLimit();

        Assert.Equal(["/minigrpc.conformance.TestService/Unary"], interceptor.Methods);
    }

    [Theory, Matrix]
    public async Task Interceptors_run_in_their_order(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        List<string> order = [];
        CallInvoker invoker = session.Invoker.Intercept(
            metadata => Note("outer", metadata)).Intercept(metadata => Note("outermost", metadata));

        Metadata Note(string name, Metadata metadata)
        {
            order.Add(name);
            metadata.Add("echo-order", name);
            return metadata;
        }

        using AsyncUnaryCall<Response> call = new TestService.TestServiceClient(invoker).UnaryAsync(new Request());
        await call.ResponseAsync.WithinLimit();

        Assert.Equal(["outermost", "outer"], order);
        // Joined with or without a space, or not at all: all of that is the same list (RFC 9110 section 5.6.1).
        Assert.Equal(
            ["outermost", "outer"], call.GetTrailers().GetAll("echo-order").SelectMany(entry => entry.Value.Split(',', StringSplitOptions.TrimEntries)));
    }

    /// <summary>Notes the method of each call and adds it to the call's headers.</summary>
    private sealed class RecordingInterceptor : Interceptor
    {
        public const string HeaderName = "echo-method";

        public List<string> Methods { get; } = [];

        public override TResponse BlockingUnaryCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            BlockingUnaryCallContinuation<TRequest, TResponse> continuation) =>
            continuation(request, Record(context));

        public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncUnaryCallContinuation<TRequest, TResponse> continuation) =>
            continuation(request, Record(context));

        public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
            TRequest request,
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncServerStreamingCallContinuation<TRequest, TResponse> continuation) =>
            continuation(request, Record(context));

        public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncClientStreamingCallContinuation<TRequest, TResponse> continuation) =>
            continuation(Record(context));

        public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context,
            AsyncDuplexStreamingCallContinuation<TRequest, TResponse> continuation) =>
            continuation(Record(context));

        private ClientInterceptorContext<TRequest, TResponse> Record<TRequest, TResponse>(
            ClientInterceptorContext<TRequest, TResponse> context)
            where TRequest : class
            where TResponse : class
        {
            Methods.Add(context.Method.FullName);
            Metadata headers = new() { { HeaderName, context.Method.Name } };
            return new ClientInterceptorContext<TRequest, TResponse>(context.Method, context.Host, context.Options.WithHeaders(headers));
        }
    }
}
