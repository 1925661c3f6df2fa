using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>
/// Messages compressed with gzip (gRPC documents, Compression). That they are is seen on the wire: a mebibyte of the pattern becomes a
/// few kilobytes.
/// </summary>
public sealed class CompressionTests
{
    private const int Size = 1 << 20;
    private const int Compressed = Size / 10;

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Compressed_messages_arrive(Pair pair, Kind kind, bool requests, bool responses)
    {
        await using Session session = await pair.ConnectAsync();

        await CallAsync(session, kind, requests, responses);
    }

    [Theory, Matrix(AcrossProcesses = true, OverTcp = true)]
    public async Task What_is_to_be_compressed_is_compressed_on_the_wire(Pair pair, Kind kind, bool requests, bool responses)
    {
        await using Session direct = await pair.ConnectAsync();
        await using Relay relay = new(direct.Address);
        await using Session session = direct.By(relay.Address);

        await CallAsync(session, kind, requests, responses);

        Assert.Equal(requests, relay.BytesUp < Compressed);
        Assert.Equal(responses, relay.BytesDown < Compressed);
    }

    [Theory, Matrix(AcrossProcesses = true, OverTcp = true)]
    public async Task A_message_of_a_compressed_stream_may_be_sent_as_it_is(Pair pair)
    {
        await using Session direct = await pair.ConnectAsync();
        await using Relay relay = new(direct.Address);
        await using Session session = direct.By(relay.Address);
        using AnyCall call = await AnyCall.StartAsync(session.Client, Kind.Bidi, pair.Client.WithGzipRequests(default));

        await ExchangeAsync(call);
        Assert.InRange(relay.BytesUp, 1, Compressed);

        call.Requests!.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await ExchangeAsync(call);
        Assert.InRange(relay.BytesUp, Size, Size + (2 * Compressed));

        call.Requests!.WriteOptions = WriteOptions.Default;
        await ExchangeAsync(call);
        Assert.InRange(relay.BytesUp, Size, Size + (2 * Compressed));
        (await call.FinishAsync()).AssertEndedWith(StatusCode.OK);
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task An_empty_message_may_be_compressed(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        Request request = new() { CompressResponses = true };

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, pair.Client.WithGzipRequests(default), request);

        Assert.Empty(outcome.SingleResponse.Payload);
    }

    private static async Task CallAsync(Session session, Kind kind, bool requests, bool responses)
    {
        CallOptions options = requests ? session.Pair.Client.WithGzipRequests(default) : default;
        Request request = new()
        {
            Payload = Pattern.Bytes(Size, start: 3),
            CompressResponses = responses,
        };

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, options, request);

        Pattern.AssertIs(Size, 3, outcome.SingleResponse.Payload);
    }

    private static async Task ExchangeAsync(AnyCall call)
    {
        Assert.True(await call.TrySendAsync(new Request { Payload = Pattern.Bytes(Size), Answer = new Answer { Count = 1 } }));
        Assert.NotNull(await call.ReadAsync());
    }
}
