using System.Collections.Concurrent;
using System.Security.Cryptography;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop;

/// <summary>gRFC A6: a client with a retry policy, and a handler that fails at first.</summary>
public sealed class RetryTests
{
    private static readonly TimeSpan s_short = TimeSpan.FromMilliseconds(1);

    /// <summary>Nobody who waits that long is done within the limit of any wait.</summary>
    private static readonly TimeSpan s_endless = TimeSpan.FromHours(1);

    [Theory, Matrix]
    public async Task A_call_whose_first_attempts_fail_succeeds_with_all_its_requests(Pair pair, Kind kind)
    {
        FailingService service = new(failures: 2);
        await using Session session = await ConnectAsync(pair, service, new RetrySetup(MaxAttempts: 3, s_short));
        Request[] requests = [.. Enumerable.Range(1, kind.StreamsRequests ? 3 : 1).Select(i => new Request { Payload = Pattern.Bytes(1000 * i, i) })];

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, requests);

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal(kind.StreamsResponses ? requests.Select(r => r.Payload) : [requests[^1].Payload], outcome.Responses.Select(r => r.Payload));
        if (kind == Kind.ClientStreaming)
        {
            Assert.Equal(requests.Length, outcome.SingleResponse.Received);
            Assert.Equal(SHA256.HashData([.. requests.SelectMany(r => r.Payload)]), outcome.SingleResponse.ReceivedSha256.ToByteArray());
        }

        // "the first transmission has none, the n-th retry says n" (gRFC A6, exposed retry metadata)
        Assert.Equal([null, "1", "2"], service.PreviousAttempts);
    }

    [Theory, Matrix]
    public async Task A_call_that_has_no_attempt_left_ends_as_its_last_one(Pair pair, Kind kind)
    {
        FailingService service = new(failures: 3);
        await using Session session = await ConnectAsync(pair, service, new RetrySetup(MaxAttempts: 3, s_short));

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, new Request());

        outcome.AssertEndedWith(new Status(StatusCode.Unavailable, "failure 3"));
        Assert.Equal([null, "1", "2"], service.PreviousAttempts);
    }

    [Theory, Matrix]
    public async Task A_call_whose_response_headers_have_come_is_not_tried_again(Pair pair, Kind kind)
    {
        FailingService service = new(failures: 1) { SendsHeaders = true };
        await using Session session = await ConnectAsync(pair, service, new RetrySetup(MaxAttempts: 3, s_short));

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, new Request());

        outcome.AssertEndedWith(new Status(StatusCode.Unavailable, "failure 1"));
        Assert.Equal([null], service.PreviousAttempts);
    }

    [Theory, Matrix]
    public async Task A_server_that_pushes_back_with_minus_1_gets_no_further_attempt(Pair pair, Kind kind)
    {
        FailingService service = new(failures: 1) { Pushback = "-1" };
        await using Session session = await ConnectAsync(pair, service, new RetrySetup(MaxAttempts: 3, s_short));

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, new Request());

        outcome.AssertEndedWith(new Status(StatusCode.Unavailable, "failure 1"));
        Assert.Equal("-1", outcome.Trailers.GetValue(FailingService.PushbackName));
        Assert.Equal([null], service.PreviousAttempts);
    }

    [Theory, Matrix]
    public async Task A_server_that_says_when_to_come_back_overrides_the_policy_s_wait(Pair pair, Kind kind)
    {
        FailingService service = new(failures: 2) { Pushback = "1" };
        await using Session session = await ConnectAsync(pair, service, new RetrySetup(MaxAttempts: 3, s_endless));

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, new Request());

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal([null, "1", "2"], service.PreviousAttempts);
    }

    private static Task<Session> ConnectAsync(Pair pair, FailingService service, RetrySetup retry) => pair.StartAndConnectAsync(
        setup => setup with { Services = [TestService.BindService(service)] }, new ClientSetup { Retry = retry });

    /// <summary>
    /// Fails the first attempts with UNAVAILABLE, the very first one before it has read a request, the others when they have read all;
    /// then does as <see cref="ConformanceService"/>.
    /// </summary>
    private sealed class FailingService(int failures) : TestService.TestServiceBase
    {
        public const string PushbackName = "grpc-retry-pushback-ms";

        private readonly ConformanceService _good = new(new Metadata.Entry("unused", ""));

        /// <summary>What each attempt says of those before it; null for nothing.</summary>
        public ConcurrentQueue<string?> PreviousAttempts { get; } = [];

        public bool SendsHeaders { get; init; }

        public string? Pushback { get; init; }

        public override async Task<Response> Unary(Request request, ServerCallContext context)
        {
            await FailAsync(requests: null, context);
            return await _good.Unary(request, context);
        }

        public override async Task ServerStreaming(Request request, IServerStreamWriter<Response> responseStream, ServerCallContext context)
        {
            await FailAsync(requests: null, context);
            await _good.ServerStreaming(request, responseStream, context);
        }

        public override async Task<Response> ClientStreaming(IAsyncStreamReader<Request> requestStream, ServerCallContext context)
        {
            await FailAsync(requestStream, context);
            return await _good.ClientStreaming(requestStream, context);
        }

        public override async Task Bidi(
            IAsyncStreamReader<Request> requestStream, IServerStreamWriter<Response> responseStream, ServerCallContext context)
        {
            await FailAsync(requestStream, context);
            await _good.Bidi(requestStream, responseStream, context);
        }

        private async Task FailAsync(IAsyncStreamReader<Request>? requests, ServerCallContext context)
        {
            PreviousAttempts.Enqueue(context.RequestHeaders.GetValue("grpc-previous-rpc-attempts"));
            int attempt = PreviousAttempts.Count;
            if (attempt > failures)
            {
                return;
            }

            if (SendsHeaders)
            {
                await context.WriteResponseHeadersAsync([]);
            }

            while (attempt > 1 && requests is not null && await requests.MoveNext(context.CancellationToken))
            {
            }

            Metadata trailers = Pushback is null ? [] : new Metadata { { PushbackName, Pushback } };
            throw new RpcException(new Status(StatusCode.Unavailable, $"failure {attempt}"), trailers);
        }
    }
}
