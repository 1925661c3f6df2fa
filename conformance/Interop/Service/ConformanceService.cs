using System.Collections.Concurrent;
using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop.Service;

/// <summary>The service of protos/conformance.proto: does what each request tells it to.</summary>
/// <param name="gzipResponses">The response header that tells the server at hand to compress.</param>
internal sealed class ConformanceService(Metadata.Entry gzipResponses) : TestService.TestServiceBase
{
    private readonly ConcurrentDictionary<string, CallWatch> _watches = [];

    public CallWatch Watch(int calls)
    {
        CallWatch watch = new(calls);
        _watches[watch.CallId] = watch;
        return watch;
    }

    public override async Task<Response> Unary(Request request, ServerCallContext context)
    {
        using ServedCall call = Begin(context);
        await call.ObeyAsync(request, writer: null, GzipFor(request));
        await call.SendHeadersIfAnyAsync();
        return call.MakeResponse(request);
    }

    public override async Task ServerStreaming(Request request, IServerStreamWriter<Response> responseStream, ServerCallContext context)
    {
        using ServedCall call = Begin(context);
        await call.ObeyAsync(request, responseStream, GzipFor(request));
        await call.SendHeadersIfAnyAsync();
    }

    public override async Task<Response> ClientStreaming(IAsyncStreamReader<Request> requestStream, ServerCallContext context)
    {
        using ServedCall call = Begin(context);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Request last = new();
        int received = 0;
        bool goesOn = true;
        while (goesOn && await requestStream.MoveNext(context.CancellationToken))
        {
            last = requestStream.Current;
            hash.AppendData(last.Payload.Span);
            goesOn = await call.ObeyAsync(last, writer: null, received++ == 0 ? GzipFor(last) : null);
        }

        await call.SendHeadersIfAnyAsync();
        Response response = call.MakeResponse(last);
        response.Received = received;
        response.ReceivedSha256 = ByteString.CopyFrom(hash.GetHashAndReset());
        return response;
    }

    public override async Task Bidi(
        IAsyncStreamReader<Request> requestStream, IServerStreamWriter<Response> responseStream, ServerCallContext context)
    {
        using ServedCall call = Begin(context);
        bool goesOn = true;
        bool first = true;
        while (goesOn && await requestStream.MoveNext(context.CancellationToken))
        {
            Request request = requestStream.Current;
            goesOn = await call.ObeyAsync(request, responseStream, first ? GzipFor(request) : null);
            first = false;
        }

        await call.SendHeadersIfAnyAsync();
    }

    private ServedCall Begin(ServerCallContext context)
    {
        string callId = context.RequestHeaders.GetValue(CallWatch.HeaderName) ?? "";
        return new ServedCall(context, _watches.GetValueOrDefault(callId) ?? new CallWatch(1));
    }

    private Metadata.Entry? GzipFor(Request request) => request.CompressResponses ? gzipResponses : null;
}
