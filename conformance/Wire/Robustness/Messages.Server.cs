using System.IO.Compression;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Messages against a server, rows 46 to 50 and 54 (gRPC over HTTP/2, Length-Prefixed-Message): each costs its own call.</summary>
public class MessagesOnTheServer
{
    private const int Limit = 4 * 1024 * 1024;

    private static readonly Marshaller<Value> s_values = Marshallers.Create(value => value.ToByteArray(), Value.Parser.ParseFrom);
    private static readonly Method<Value, Value> s_echo = new(MethodType.Unary, "proto", "Echo", s_values, s_values);
    private static readonly Method<Value, Value> s_echoAll = new(MethodType.DuplexStreaming, "proto", "EchoAll", s_values, s_values);

    /// <summary>Row 46: the prefix is judged when its five octets are there.</summary>
    [Theory]
    [InlineData("Unary", Limit + 1u)]
    [InlineData("Collect", Limit + 1u)]
    [InlineData("Unary", int.MaxValue)]
    [InlineData("Unary", 0x8000_0000)]
    [InlineData("Duplex", uint.MaxValue)]
    public async Task Row46_A_length_over_the_limit_is_refused_before_the_message_comes(string method, uint length)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            StatusCode.ResourceExhausted,
            $"A message of {length} octets is larger than the limit of {Limit}.",
            async (client, id) =>
            {
                await client.RequestAsync(id, method);
                await client.DataAsync(id, Prefix(0, length));
            });
    }

    /// <summary>Row 46: even without a limit there is one, that of arrays.</summary>
    [Theory]
    [InlineData(null)]
    [InlineData(int.MaxValue)]
    public async Task Row46_A_length_that_no_array_has_is_refused_without_a_limit(int? limit)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(options => options.MaxReceiveMessageSize = limit);
        await attacked.OffendAsync(
            StatusCode.ResourceExhausted,
            "A message of 2147483647 octets is larger",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Unary");
                await client.DataAsync(id, Prefix(0, int.MaxValue));
            });
    }

    /// <summary>
    /// Rows 38 and 46: what a call waits for comes however much that is, so what one connection can make a server hold is its number of calls
    /// times the size of a message, and the last octet of each may stay away.
    /// </summary>
    [Fact]
    public async Task Row46_Messages_that_calls_wait_for_hold_no_more_than_all_calls_may_have()
    {
        const int most = 1_000_000;
        await using AttackedServer attacked = await AttackedServer.StartAsync(
            options => (options.MaxConcurrentStreams, options.MaxReceiveMessageSize) = (3, most));
        RawClient attacker = attacked.Attacker;
        int[] ids = [attacked.NextId(), attacked.NextId(), attacked.NextId()];
        foreach (int id in ids)
        {
            await attacker.RequestAsync(id, "Unary");
            await Bulk.SendAsync(attacker, id, RawClient.Message(new byte[most]).AsMemory()[..^1]);
        }

        int beyond = attacked.NextId();
        await attacker.RequestAsync(beyond, "Unary");
        await attacker.ExpectResetAsync(beyond, ErrorCode.RefusedStream);
        await attacker.RoundTripAsync();
        Held held = Held.By(Internals.ConnectionsOf(attacked.Server.Core));
        Assert.InRange(held.Octets, 3 * most, (2 * 3 * most) + Held.Usual.Octets); // payload is copied together, in segments that may be half full
        foreach (int id in ids)
        {
            await attacker.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        }

        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 46: what a prefix announces is not allocated, but what comes.</summary>
    [Fact]
    public void Row46_A_length_allocates_nothing()
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            var inbox = new MessageInbox(new ConnectionReceiveWindow(1 << 20, 4 << 20), 1 << 19, Limit);
            Assert.Equal(InboxStatus.Waiting, inbox.Read(out _, out _, out _, out _));
            InboxAppend append = inbox.Append(Prefix(0, i % 2 == 0 ? Limit : uint.MaxValue), 0, ended: false);
            Assert.Equal(i % 2 != 0, append.Wake);
            inbox.Discard();
        }

        // An inbox with its lock and window, and a segment of 256 octets out of the pool: some 2 KiB, where 4 MiB are announced.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100 * 4 * 1024);
    }

    /// <summary>Row 47, gzip bomb: 64 MiB in 64 KiB, cut off at the limit while it is produced.</summary>
    [Theory]
    [InlineData("Unary")]
    [InlineData("Collect")]
    public async Task Row47_A_message_that_unfolds_beyond_the_limit_is_refused(string method)
    {
        byte[] bomb = Gzip(new byte[64 * 1024 * 1024]);
        await using AttackedServer attacked = await AttackedServer.StartAsync(WithGzip);
        await attacked.OffendAsync(
            StatusCode.ResourceExhausted,
            $"A decompressed message is larger than the limit of {Limit} octets.",
            async (client, id) =>
            {
                await client.RequestAsync(id, method, "grpc-encoding=gzip");
                await Bulk.SendAsync(client, id, (byte[])[.. Prefix(1, (uint)bomb.Length), .. bomb], endStream: true);
            });
    }

    /// <summary>Row 47: memory while it unfolds is that of a message within the limit.</summary>
    [Fact]
    public void Row47_A_bomb_takes_no_more_memory_than_a_message_within_the_limit()
    {
        const int Small = 64 * 1024;
        var provider = new GzipCompressionProvider(CompressionLevel.Fastest);
        byte[] bomb = Gzip(new byte[16 * 1024 * 1024]);
        var output = new MiniGrpc.Wire.Buffers.OutputBuffer();
        long before = GC.GetAllocatedBytesForCurrentThread();
        MiniGrpc.Wire.Grpc.GrpcError? error = MiniGrpc.Wire.Grpc.MessageCompression.Decompress(provider, new(bomb), Small, output);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal(MiniGrpc.Wire.Grpc.GrpcStatusCode.ResourceExhausted, error?.Code);
        Assert.InRange(allocated, 0, 8 * Small); // the buffer doubles up to the limit, and the framework's stream has its own
        Assert.Equal(0, output.Length);
    }

    /// <summary>Row 48: gRPC over HTTP/2, Compressed-Flag.</summary>
    [Theory]
    [InlineData(1, null, "Compressed-Flag 1, but grpc-encoding names no compression")]
    [InlineData(1, "identity", "Compressed-Flag 1, but grpc-encoding names no compression")]
    [InlineData(2, null, "Compressed-Flag 2")]
    [InlineData(255, "gzip", "Compressed-Flag 255")]
    public async Task Row48_A_compressed_flag_that_means_nothing_is_internal(byte flag, string? encoding, string sentence)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(WithGzip);
        await attacked.OffendAsync(
            StatusCode.Internal,
            sentence,
            async (client, id) =>
            {
                await client.RequestAsync(id, "Unary", encoding is null ? [] : ["grpc-encoding=" + encoding]);
                await client.DataAsync(id, [.. Prefix(flag, 1), 9], endStream: true);
            });
    }

    /// <summary>Row 49: gRPC compression.md.</summary>
    [Theory]
    [InlineData("snappy")]
    [InlineData("gzip,deflate")]
    public async Task Row49_An_unknown_encoding_is_unimplemented_and_the_known_ones_are_named(string encoding)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(WithGzip);
        RawResponse response = await attacked.OffendAsync(
            StatusCode.Unimplemented,
            $"grpc-encoding '{encoding}' is not supported; these are: identity,gzip.",
            (client, id) => client.RequestAsync(id, "Unary", "grpc-encoding=" + encoding));
        Assert.Equal("identity,gzip", response.Head["grpc-accept-encoding"]);
    }

    /// <summary>Row 50: what isn't the number of messages that the method takes, or ends in the middle of one.</summary>
    [Theory]
    [InlineData("Unary", "none", "no request")]
    [InlineData("Spread", "none", "no request")]
    [InlineData("Unary", "headers only", "no request")]
    [InlineData("Unary", "two", "more than one request")]
    [InlineData("Spread", "two", "more than one request")]
    [InlineData("Unary", "two, and no end", "more than one request")]
    [InlineData("Unary", "cut off", "ended in the middle of a message, 7 octets into it")]
    [InlineData("Collect", "cut off", "ended in the middle of a message, 7 octets into it")]
    [InlineData("Unary", "cut off in the prefix", "ended in the middle of a message, 3 octets into it")]
    [InlineData("Collect", "cut off by trailers", "ended in the middle of a message, 7 octets into it")]
    public async Task Row50_Too_few_or_too_many_octets_are_internal(string method, string what, string sentence)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        byte[] message = RawClient.Message(1, 2, 3);
        await attacked.OffendAsync(
            StatusCode.Internal,
            sentence,
            async (client, id) =>
            {
                await client.HeadersAsync(id, endStream: what == "headers only", RawClient.RequestFields(method));
                switch (what)
                {
                    case "none":
                        await client.DataAsync(id, [], endStream: true);
                        break;
                    case "two" or "two, and no end":
                        await client.DataAsync(id, [.. message, .. message], endStream: what == "two");
                        break;
                    case "cut off in the prefix":
                        await client.DataAsync(id, message[..3], endStream: true);
                        break;
                    case "cut off" or "cut off by trailers":
                        await client.DataAsync(id, message[..7], endStream: what == "cut off");
                        if (what != "cut off")
                        {
                            await client.HeadersAsync(id, endStream: true, "trailer=x");
                        }

                        break;
                }
            });
    }

    /// <summary>Row 54: whatever a marshaller makes of the octets, it is their sender's fault and ends one call.</summary>
    [Theory]
    [InlineData("Echo", "nested too deep", "too many levels of nesting")]
    [InlineData("EchoAll", "nested too deep", "too many levels of nesting")]
    [InlineData("Echo", "invalid tag", "A message can't be read: ")]
    [InlineData("Echo", "cut off", "A message can't be read: ")]
    [InlineData("EchoAll", "endless varint", "A message can't be read: ")]
    [InlineData("Echo", "invalid UTF-8", "A message can't be read: ")]
    public async Task Row54_Invalid_protobuf_is_internal(string method, string what, string sentence)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(new TestServer(more: ProtobufService()));
        byte[] message = RawClient.Message(Protobuf(what));
        await attacked.OffendAsync(
            StatusCode.Internal,
            sentence,
            async (client, id) =>
            {
                await client.HeadersAsync(
                    id, endStream: false, ":method=POST", ":scheme=http", ":path=/proto/" + method, "content-type=application/grpc");
                await client.DataAsync(id, message, endStream: true);
            });
    }

    /// <summary>Octets that are no <see cref="Value"/>.</summary>
    internal static byte[] Protobuf(string what) => what switch
    {
        "nested too deep" => Nested(1_000),
        "invalid tag" => [0x00, 0x01],
        "cut off" => [0x1a, 0x7f, (byte)'a'],
        "endless varint" => [0x08, .. Enumerable.Repeat((byte)0xff, 20)],
        "invalid UTF-8" => [0x1a, 2, 0xc3, 0x28],
        _ => throw new ArgumentException(what),
    };

    internal static byte[] Gzip(byte[] octets)
    {
        using var compressed = new MemoryStream();
        using (var gzip = new GZipStream(compressed, CompressionLevel.SmallestSize))
        {
            gzip.Write(octets);
        }

        return compressed.ToArray();
    }

    internal static byte[] Prefix(byte flag, uint length) => [flag, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];

    private static void WithGzip(MiniGrpc.Server.GrpcServerOptions options) =>
        options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest));

    private static ServerServiceDefinition ProtobufService() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(s_echo, (request, _) => Task.FromResult(request))
        .AddMethod(s_echoAll, async (requests, responses, _) =>
        {
            while (await requests.MoveNext(CancellationToken.None))
            {
                await responses.WriteAsync(requests.Current);
            }
        })
        .Build();

    /// <summary>A list in a list in a list: each is field 6 of a Value, which is field 1 of a ListValue.</summary>
    private static byte[] Nested(int depth)
    {
        byte[] inner = [];
        for (int i = 0; i < depth; i++)
        {
            using var outer = new MemoryStream();
            using (var writer = new CodedOutputStream(outer, leaveOpen: true))
            {
                writer.WriteRawTag((depth - i) % 2 == 0 ? (byte)0x0a : (byte)0x32); // the outermost, i = depth - 1, is a Value's
                writer.WriteBytes(ByteString.CopyFrom(inner));
            }

            inner = outer.ToArray();
        }

        return inner;
    }
}
