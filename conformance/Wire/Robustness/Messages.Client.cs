using System.IO.Compression;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Messages against a client, rows 46 to 50 and 54: each costs its own call.</summary>
public class MessagesOnTheClient
{
    private const int Limit = 4 * 1024 * 1024;

    /// <summary>Row 46: the prefix is judged when its five octets are there.</summary>
    [Theory]
    [InlineData(Limit + 1u, false)]
    [InlineData(0x8000_0000, false)]
    [InlineData(uint.MaxValue, false)]
    [InlineData(Limit + 1u, true)]
    [InlineData(uint.MaxValue, true)]
    public async Task Row46_A_length_over_the_limit_is_refused_before_the_message_comes(uint length, bool streaming)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.ResourceExhausted,
            $"A message of {length} octets is larger than the limit of {Limit}.",
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
                await server.DataAsync(id, MessagesOnTheServer.Prefix(0, length));
            },
            streaming);
    }

    /// <summary>Row 47, gzip bomb.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Row47_A_message_that_unfolds_beyond_the_limit_is_refused(bool streaming)
    {
        byte[] bomb = MessagesOnTheServer.Gzip(new byte[16 * 1024 * 1024]);
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(WithGzip);
        await attacked.OffendAsync(
            StatusCode.ResourceExhausted,
            $"A decompressed message is larger than the limit of {Limit} octets.",
            (server, id) => server.SendAsync(o =>
            {
                server.Headers(o, id, endStream: false, [.. RawServer.Headers200, "grpc-encoding=gzip"]);
                MiniGrpc.Wire.Http2.Frames.DataFrame.Write(o, id, MessagesOnTheServer.Prefix(1, (uint)bomb.Length), endStream: false);
                foreach (byte[] part in bomb.Chunk(16_384))
                {
                    MiniGrpc.Wire.Http2.Frames.DataFrame.Write(o, id, part, endStream: false);
                }

                server.Headers(o, id, endStream: true, "grpc-status=0");
            }),
            streaming);
    }

    /// <summary>Row 48: gRPC over HTTP/2, Compressed-Flag.</summary>
    [Theory]
    [InlineData(1, null, "Compressed-Flag 1, but grpc-encoding names no compression")]
    [InlineData(1, "identity", "Compressed-Flag 1, but grpc-encoding names no compression")]
    [InlineData(2, null, "Compressed-Flag 2")]
    [InlineData(255, "gzip", "Compressed-Flag 255")]
    public async Task Row48_A_compressed_flag_that_means_nothing_is_internal(byte flag, string? encoding, string sentence)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(WithGzip);
        await attacked.OffendAsync(
            StatusCode.Internal,
            sentence,
            (server, id) => server.SendAsync(o =>
            {
                server.Headers(o, id, endStream: false, encoding is null ? RawServer.Headers200 : [.. RawServer.Headers200, "grpc-encoding=" + encoding]);
                MiniGrpc.Wire.Http2.Frames.DataFrame.Write(o, id, [.. MessagesOnTheServer.Prefix(flag, 1), 9], endStream: false);
                server.Headers(o, id, endStream: true, "grpc-status=0");
            }));
    }

    /// <summary>Row 49: a server may only use what the client has offered (gRPC compression.md).</summary>
    [Fact]
    public async Task Row49_An_encoding_that_was_not_offered_is_internal()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync(WithGzip);
        await attacked.OffendAsync(
            StatusCode.Internal,
            "grpc-encoding 'snappy' is not supported; these are: identity,gzip.",
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, "grpc-encoding=snappy"]);
                await server.ExpectResetAsync(id, ErrorCode.Cancel);
            });
    }

    /// <summary>Row 50: what isn't one response, or ends in the middle of one.</summary>
    [Theory]
    [InlineData("none", "no response")]
    [InlineData("trailers only", "no response")]
    [InlineData("two", "more than one response")]
    [InlineData("two, and no end", "more than one response")]
    [InlineData("cut off", "ended in the middle of a message, 7 octets into it")]
    [InlineData("cut off in the prefix", "ended in the middle of a message, 3 octets into it")]
    public async Task Row50_Too_few_or_too_many_octets_are_internal(string what, string sentence)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        byte[] message = RawClient.Message(1, 2, 3);
        await attacked.OffendAsync(
            StatusCode.Internal,
            sentence,
            async (server, id) =>
            {
                if (what == "trailers only")
                {
                    await server.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, "grpc-status=0"]);
                    return;
                }

                await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
                byte[] data = what switch
                {
                    "none" => [],
                    "cut off" => message[..7],
                    "cut off in the prefix" => message[..3],
                    _ => [.. message, .. message],
                };
                await server.DataAsync(id, data);
                if (what != "two, and no end")
                {
                    await server.HeadersAsync(id, endStream: true, "grpc-status=0");
                }
            });
    }

    /// <summary>Row 54.</summary>
    [Theory]
    [InlineData("nested too deep", "too many levels of nesting")]
    [InlineData("invalid tag", "A message can't be read: ")]
    [InlineData("cut off", "A message can't be read: ")]
    [InlineData("endless varint", "A message can't be read: ")]
    public async Task Row54_Invalid_protobuf_is_internal(string what, string sentence)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        Marshaller<Value> values = Marshallers.Create(value => value.ToByteArray(), Value.Parser.ParseFrom);
        var method = new Method<Value, Value>(MethodType.Unary, "proto", "Echo", values, values);
        for (int i = 0; i < 3; i++)
        {
            int id = attacked.NextId();
            using AsyncUnaryCall<Value> call = attacked.Channel.Invoker.AsyncUnaryCall(method, null, default, new Value());
            await attacked.Attacker.RequestAsync(id);
            await attacked.Attacker.ReplyAsync(id, MessagesOnTheServer.Protobuf(what));
            await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Internal, sentence);
        }

        await attacked.AssertUnharmedAsync(sentence);
    }

    private static void WithGzip(MiniGrpc.Client.MiniChannelOptions options) =>
        options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest));

    /// <summary>Messages that a call will never read give their memory back: beside a status that is not OK, and behind one that can't be read.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task What_a_failed_call_leaves_unread_is_given_back(bool streaming)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using AsyncServerStreamingCall<byte[]>? many = streaming ? attacked.Channel.Spread([1]) : null;
        using AsyncUnaryCall<byte[]>? one = streaming ? null : attacked.Channel.Unary([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: false, RawServer.Headers200);
        await attacked.Attacker.RoundTripAsync();
        MessageInbox inbox = Internals.SingleInboxOf(attacked.Channel.Channel);
        await attacked.Attacker.DataAsync(id, [1, 0, 0, 0, 1, 7, .. RawClient.Message(8)]); // compressed, by nothing that was named
        await attacked.Attacker.HeadersAsync(id, endStream: true, streaming ? "grpc-status=0" : "grpc-status=5");
        await attacked.Attacker.RoundTripAsync();
        await TestChannel.FailureAsync(many?.ResponseStream.MoveNext(CancellationToken.None) ?? (Task)one!.ResponseAsync);
        await Eventually.IsTrueAsync(() => !Internals.HoldsMemory(inbox), "the memory to be given back");
        await attacked.AssertUnharmedAsync();
    }
}
