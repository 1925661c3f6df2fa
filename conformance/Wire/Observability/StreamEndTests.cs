using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>
/// gRFC A66, grpc.client.call.duration: to the moment "before the status of the RPC is delivered to the application". What a stream's caller is told may
/// depend on responses that came before the status and were not read yet.
/// </summary>
public sealed class StreamEndTests : IAsyncDisposable
{
    private const string Attempt = "grpc.client.attempt.duration";
    private const string Call = "grpc.client.call.duration";

    private static readonly Marshaller<byte[]> s_picky = Marshallers.Create(
        octets => octets, octets => octets is [9, ..] ? throw new FormatException("odd") : octets);

    private readonly Watched _watched = new();
    private readonly List<IAsyncDisposable> _opened = [];

    /// <summary>The server has said OK, and so has the attempt; the call has failed.</summary>
    [Theory]
    [InlineData("framing", false, StatusCode.Internal)]
    [InlineData("marshaller", false, StatusCode.Internal)]
    [InlineData("compression", false, StatusCode.Internal)]
    [InlineData("size", false, StatusCode.ResourceExhausted)]
    [InlineData("cut", false, StatusCode.Internal)]
    [InlineData("marshaller", true, StatusCode.Internal)]
    public async Task A_response_that_can_not_be_read_after_OK_makes_the_status(string mistake, bool mayRepeat, StatusCode expected)
    {
        byte[] broken = mistake switch
        {
            "framing" => [7, 0, 0, 0, 0],
            "marshaller" => RawClient.Message(9),
            "compression" => [1, 0, 0, 0, 1, 0],
            "size" => RawClient.Message(new byte[101]),
            _ => [0, 0, 0, 0, 2, 1],
        };
        (AsyncServerStreamingCall<byte[]> call, RawServer server) = await StartAsync(mayRepeat);
        await server.DataAsync(1, RawClient.Message(5));
        await server.DataAsync(1, broken);
        await server.HeadersAsync(1, endStream: true, "grpc-status=0");
        await _watched.AssertStatusesAsync(Attempt, "OK");

        Assert.True(await MoveNextAsync(call));
        Assert.Empty(_watched.Of(Call));
        Assert.Empty(_watched.Spans(ActivityKind.Client));
        RpcException told = await Assert.ThrowsAsync<RpcException>(() => MoveNextAsync(call));
        Assert.Equal(expected, told.StatusCode);
        await _watched.AssertStatusesAsync(Call, expected == StatusCode.Internal ? "INTERNAL" : "RESOURCE_EXHAUSTED");
        Activity span = Assert.Single(await _watched.SpansAsync(ActivityKind.Client));
        Assert.Equal(((object)StatusCodeNames.Of((int)expected), ActivityStatusCode.Error, told.Status.Detail), (span.GetTagItem("rpc.response.status_code"), span.Status, span.StatusDescription));
    }

    /// <summary>With the last response it is certain how the call ends, whether its caller looks for more or not.</summary>
    [Theory]
    [InlineData(0, "OK")]
    [InlineData(5, "NOT_FOUND")]
    public async Task A_call_lasts_until_its_last_response_was_read(int status, string label)
    {
        (AsyncServerStreamingCall<byte[]> call, RawServer server) = await StartAsync();
        await server.DataAsync(1, RawClient.Message(5));
        await server.DataAsync(1, RawClient.Message(6));
        _watched.Time.Advance(TimeSpan.FromSeconds(1));
        await server.HeadersAsync(1, endStream: true, $"grpc-status={status}");
        Assert.Equal(1, Assert.Single(await _watched.MeasuredAsync(Attempt)).Value);
        _watched.Time.Advance(TimeSpan.FromSeconds(2));
        Assert.True(await MoveNextAsync(call));
        _watched.Time.Advance(TimeSpan.FromSeconds(4));
        Assert.Empty(_watched.Of(Call));
        Assert.True(await MoveNextAsync(call));

        Measured ended = Assert.Single(_watched.Of(Call)); // before the caller has the response
        Assert.Equal((7.0, label), (ended.Value, Watched.StatusOf(ended)));
        Assert.Single(_watched.Spans(ActivityKind.Client));
    }

    /// <summary>Responses that nobody wants change nothing any more.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_lasts_until_it_is_disposed_of_if_its_responses_are_not_read(bool mayRepeat)
    {
        (AsyncServerStreamingCall<byte[]> call, RawServer server) = await StartAsync(mayRepeat);
        await server.DataAsync(1, RawClient.Message(5));
        await server.HeadersAsync(1, endStream: true, "grpc-status=0");
        await _watched.AssertStatusesAsync(Attempt, "OK");
        _watched.Time.Advance(TimeSpan.FromSeconds(3));
        Assert.Empty(_watched.Of(Call));
        call.Dispose();

        Measured ended = Assert.Single(_watched.Of(Call));
        Assert.Equal((3.0, "OK"), (ended.Value, Watched.StatusOf(ended)));
        Assert.Single(_watched.Spans(ActivityKind.Client));
    }

    /// <summary>There is nothing that could change the status, so nobody has to look for it.</summary>
    [Fact]
    public async Task A_call_without_unread_responses_ends_with_its_status()
    {
        (AsyncServerStreamingCall<byte[]> call, RawServer server) = await StartAsync();
        await server.DataAsync(1, RawClient.Message(5));
        Assert.True(await MoveNextAsync(call));
        await server.HeadersAsync(1, endStream: true, "grpc-status=0");
        await _watched.AssertStatusesAsync(Call, "OK");
        await _watched.SpansAsync(ActivityKind.Client);
    }

    /// <summary>A call that is cut off loses what was not read, and its status is the last word.</summary>
    [Fact]
    public async Task A_call_that_is_cut_off_ends_with_its_status()
    {
        using var cancel = new CancellationTokenSource();
        (_, RawServer server) = await StartAsync(options: new CallOptions(cancellationToken: cancel.Token));
        await server.DataAsync(1, RawClient.Message(5));
        await server.RoundTripAsync();
        await cancel.CancelAsync();
        await _watched.AssertStatusesAsync(Attempt, "CANCELLED");
        await _watched.AssertStatusesAsync(Call, "CANCELLED");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable one in _opened)
        {
            await one.DisposeAsync();
        }

        await _watched.DisposeAsync();
    }

    private static Task<bool> MoveNextAsync(AsyncServerStreamingCall<byte[]> call) =>
        RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "a response");

    /// <summary>A call whose response has begun.</summary>
    private async Task<(AsyncServerStreamingCall<byte[]> Call, RawServer Server)> StartAsync(bool mayRepeat = false, CallOptions options = default)
    {
        var client = new TestChannel(channel =>
        {
            channel.TimeProvider = _watched.Time;
            channel.MaxReceiveMessageSize = 100;
            channel.ServiceConfig = !mayRepeat ? null : ServiceConfig.Parse("""
                {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s",
                  "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}
                """);
        });
        _opened.Add(client);
        var method = new Method<byte[], byte[]>(MethodType.ServerStreaming, _watched.Service, "Spread", s_picky, s_picky);
        AsyncServerStreamingCall<byte[]> call = client.Invoker.AsyncServerStreamingCall(method, null, options, [1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
        await RawPeer.Within(call.ResponseHeadersAsync, "the response to begin");
        return (call, server);
    }
}
