using Grpc.Core;
using MiniGrpc.Conformance.Protos;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop.Calls;

/// <summary>
/// A call of any of the four kinds behind one face, so that a test says once what holds for all of them.
/// Every wait is bounded.
/// </summary>
internal sealed class AnyCall : IDisposable
{
    private readonly Task<Metadata> _headers;
    private readonly Func<Status> _status;
    private readonly Func<Metadata> _trailers;
    private readonly Action _dispose;
    private readonly List<Response> _responses = [];

    private AnyCall(Task<Metadata> headers, Func<Status> status, Func<Metadata> trailers, Action dispose)
    {
        _headers = headers;
        _status = status;
        _trailers = trailers;
        _dispose = dispose;
    }

    /// <summary>The request stream of a kind that has one.</summary>
    public IClientStreamWriter<Request>? Requests { get; private init; }

    /// <summary>The response stream of a kind that has one.</summary>
    public IAsyncStreamReader<Response>? Responses { get; private init; }

    /// <summary>The response of a kind that has only one.</summary>
    public Task<Response>? SingleResponse { get; private init; }

    /// <summary>
    /// Whether a write that waits for room may wait on although the server has ended the call: HttpClient's does, once in some thousand
    /// times on a busy machine (seen at Grpc.AspNetCore). A shortcoming that tests make allowance for.
    /// </summary>
    public static bool WritesMayOutlastTheirCall(IClientStreamWriter<Request> requests) => requests.GetType().Assembly == typeof(Grpc.Net.Client.GrpcChannel).Assembly;

    public Task<Metadata> HeadersAsync() => _headers.WithinLimit("the response headers");

    /// <summary>Starts a call and sends the requests (one, where the kind takes only one); the request stream stays open.</summary>
    public static async Task<AnyCall> StartAsync(
        TestService.TestServiceClient client, Kind kind, CallOptions options, params Request[] requests)
    {
        AnyCall call = Start(client, kind, options, requests);
        if (call.Requests is not null)
        {
            foreach (Request request in requests)
            {
                await call.TrySendAsync(request);
            }
        }

        return call;
    }

    /// <summary>Makes a call from its start to its end.</summary>
    public static async Task<Outcome> RunAsync(
        TestService.TestServiceClient client, Kind kind, CallOptions options, params Request[] requests)
    {
        using AnyCall call = await StartAsync(client, kind, options, requests);
        return await call.FinishAsync();
    }

    /// <summary>Sends a request, which fails on a call that is over; how, is seen from the responses.</summary>
    public Task<bool> TrySendAsync(Request request) => UnlessOverAsync(() => Requests!.WriteAsync(request));

    public Task<bool> TryCompleteAsync() => UnlessOverAsync(() => Requests!.CompleteAsync());

    /// <summary>The next response, or null at the end.</summary>
    public async Task<Response?> ReadAsync()
    {
        Response? response = null;
        if (Responses is null)
        {
            response = _responses.Count == 0 ? await SingleResponse!.WithinLimit("the response") : null;
        }
        else if (await Responses.MoveNext(CancellationToken.None).WithinLimit("the next response"))
        {
            response = Responses.Current;
        }

        if (response is not null)
        {
            _responses.Add(response);
        }

        return response;
    }

    /// <summary>Closes the request stream, if there is one, and reads to the end of the call.</summary>
    public async Task<Outcome> FinishAsync()
    {
        if (Requests is not null)
        {
            await TryCompleteAsync();
        }

        return await ReadToEndAsync();
    }

    /// <summary>Reads to the end of the call without closing the request stream.</summary>
    public async Task<Outcome> ReadToEndAsync()
    {
        try
        {
            while (await ReadAsync() is not null)
            {
            }

            return new Outcome(_status(), Thrown: null, _responses, _trailers());
        }
        catch (RpcException e)
        {
            return new Outcome(_status(), e.Status, _responses, e.Trailers);
        }
    }

    public void Dispose() => _dispose();

    private static AnyCall Start(TestService.TestServiceClient client, Kind kind, CallOptions options, Request[] requests)
    {
        switch (kind)
        {
            case Kind.Unary:
                AsyncUnaryCall<Response> unary = client.UnaryAsync(requests.Single(), options);
                return new AnyCall(unary.ResponseHeadersAsync, unary.GetStatus, unary.GetTrailers, unary.Dispose)
                {
                    SingleResponse = unary.ResponseAsync,
                };
            case Kind.ServerStreaming:
                AsyncServerStreamingCall<Response> down = client.ServerStreaming(requests.Single(), options);
                return new AnyCall(down.ResponseHeadersAsync, down.GetStatus, down.GetTrailers, down.Dispose)
                {
                    Responses = down.ResponseStream,
                };
            case Kind.ClientStreaming:
                AsyncClientStreamingCall<Request, Response> up = client.ClientStreaming(options);
                return new AnyCall(up.ResponseHeadersAsync, up.GetStatus, up.GetTrailers, up.Dispose)
                {
                    Requests = up.RequestStream,
                    SingleResponse = up.ResponseAsync,
                };
            default:
                AsyncDuplexStreamingCall<Request, Response> both = client.Bidi(options);
                return new AnyCall(both.ResponseHeadersAsync, both.GetStatus, both.GetTrailers, both.Dispose)
                {
                    Requests = both.RequestStream,
                    Responses = both.ResponseStream,
                };
        }
    }

    private async Task<bool> UnlessOverAsync(Func<Task> send)
    {
        try
        {
            await send().WithinLimit("sending");
            return true;
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException or IOException or HttpRequestException)
        {
            // The latter two are what Grpc.Net.Client lets through when the connection breaks under a write.
            return false;
        }
        catch (NullReferenceException e) when (e.Source == "System.Net.Http")
        {
            return false; // HttpClient's own, when the stream is reset in the moment in which a write to it begins
        }
        catch (TimeoutException) when (WritesMayOutlastTheirCall(Requests!))
        {
            return false; // what the call ends with is for the reads to see
        }
    }
}
