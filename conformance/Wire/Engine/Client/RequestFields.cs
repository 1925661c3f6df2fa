using Grpc.Core;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>RFC 9113 sections 8.1 to 8.3 and gRPC over HTTP/2, Requests: what our client sends.</summary>
public class RequestFields
{
    private static string[] Definition =>
    [
        ":method=POST", $":scheme={OverTls.Scheme}", ":path=/test/Unary", ":authority=localhost", "content-type=application/grpc", "te=trailers",
    ];

    /// <summary>Whatever metadata a caller sets, the block holds the protocol's own fields once and first, and then what may be sent.</summary>
    [Fact]
    [Requirement("9113-8.2-1")]
    [Requirement("9113-8.2.1-2")]
    [Requirement("9113-8.2.1-5")]
    [Requirement("9113-8.2.2-1")]
    [Requirement("9113-8.2.2-3")]
    [Requirement("9113-8.3-1")]
    [Requirement("9113-8.3-2")]
    [Requirement("9113-8.3-5")]
    [Requirement("9113-8.3-7")]
    [Requirement("9113-8.3.1-2")]
    [Requirement("9113-8.3.1-4")]
    [Requirement("9113-8.3.1-11")]
    [Requirement("9113-8.3.1-14")]
    [Requirement("grpc-requests-2")]
    [Requirement("grpc-requests-3")]
    [Requirement("grpc-requests-4")]
    [Requirement("grpc-requests-6")]
    [Requirement("grpc-requests-10")]
    [Requirement("grpc-requests-12")]
    [Requirement("grpc-requests-14")]
    [Requirement("grpc-requests-16")]
    [Requirement("grpc-requests-18")]
    [Requirement("grpc-requests-20")]
    [Requirement("grpc-requests-21")]
    [Requirement("grpc-requests-22")]
    public async Task The_block_has_the_protocols_fields_first_and_what_of_the_metadata_may_be_sent()
    {
        var metadata = new Metadata
        {
            { "Mixed-Case", "a" },
            { "connection", "close" },
            { "proxy-connection", "close" },
            { "keep-alive", "timeout=5" },
            { "transfer-encoding", "chunked" },
            { "upgrade", "h2c" },
            { "te", "gzip" },
            { "host", "elsewhere" },
            { "content-length", "3" },
            { "content-type", "text/plain" },
            { "grpc-timeout", "1n" },
            { "spaced", " a  b " },
            { "repeated", "1" },
            { "octets-bin", [0xff, 0, 1, 2] },
            { "repeated", "2" },
        };
        await using var client = new TestChannel();
        Task call = client.Unary([1], new CallOptions(metadata, DateTime.UtcNow.AddHours(1))).ResponseAsync;
        RawServer server = await client.StartAsync();
        RawFrame head = (await server.RequestAsync(1)).Head;
        Assert.Equal(Definition, head.Fields[..6]);
        Assert.StartsWith("user-agent=", head.Fields[6], StringComparison.Ordinal);
        Assert.Equal("grpc-accept-encoding=identity", head.Fields[7]);
        Assert.StartsWith("grpc-timeout=", head.Fields[8], StringComparison.Ordinal);
        Assert.Equal(["mixed-case=a", "spaced=a  b", "repeated=1", "octets-bin=/wABAg", "repeated=2"], head.Fields[9..]);
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
        await client.AssertQuietAsync(server);
    }

    /// <summary>gRPC over HTTP/2, User Agents: language, variant and version.</summary>
    [Fact]
    [Requirement("grpc-requests-28")]
    public async Task The_user_agent_names_language_variant_and_version()
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        Assert.Matches(@"^grpc-dotnet-minigrpc/\d+\.\d+\.\d+$", (await server.RequestAsync(1)).Head["user-agent"]);
    }

    /// <summary>RFC 9113 section 8.3.1: the authority is the host and port of the address, and has no userinfo.</summary>
    [Theory]
    [InlineData("http://127.0.0.1:50051", "127.0.0.1:50051")]
    [InlineData("http://[::1]:50051", "[::1]:50051")]
    [InlineData("http://example.com:80", "example.com")]
    [InlineData("http://user:secret@example.com:50051", "example.com:50051")]
    [InlineData("unix:/tmp/a.sock", "localhost")]
    [Requirement("9113-8.3.1-2")]
    [Requirement("9113-8.3.1-10")]
    public void The_authority_is_the_host_and_port_of_the_address(string address, string authority)
    {
        Addresses.ParseConnect(address, out string actual, out _);
        Assert.Equal(authority, actual);
    }

    /// <summary>RFC 9113 section 8.1 and gRPC over HTTP/2, Requests: HEADERS, DATA, and END_STREAM on the last DATA frame.</summary>
    [Fact]
    [Requirement("9113-8.1-1")]
    [Requirement("grpc-requests-1")]
    [Requirement("grpc-requests-26")]
    [Requirement("grpc-messages-1")]
    public async Task A_request_is_headers_and_data_that_ends_the_stream()
    {
        await using var client = new TestChannel();
        Task call = client.Unary(new byte[20_000]).ResponseAsync;
        RawServer server = await client.StartAsync();
        var frames = new List<RawFrame>();
        do
        {
            frames.Add(await server.ExpectAsync("a frame of the request", 1, _ => true));
        }
        while (!frames[^1].EndStream);
        Assert.Equal(FrameType.Headers, frames[0].Type);
        Assert.All(frames[1..], frame => Assert.Equal(FrameType.Data, frame.Type));
        Assert.Equal(RawClient.Message(new byte[20_000]), frames[1..].SelectMany(frame => frame.Payload));
        await server.ReplyAsync(1);
        await RawPeer.Within(call, "the response");
        await server.AssertNothingOnAsync(1);
    }

    /// <summary>gRPC over HTTP/2, Requests: with nothing left to send, an empty DATA frame ends the request, not trailers or a reset.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(2)]
    [Requirement("grpc-requests-27")]
    public async Task A_request_with_nothing_left_to_send_is_ended_by_an_empty_data_frame(int messages)
    {
        await using var client = new TestChannel();
        using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
        RawServer server = await client.StartAsync();
        Assert.False((await server.ExpectAsync(FrameType.Headers, 1)).EndStream);
        for (int i = 0; i < messages; i++)
        {
            await call.RequestStream.WriteAsync([1]);
            RawFrame data = await server.ExpectAsync(FrameType.Data, 1);
            Assert.Equal((6, false), (data.Payload.Length, data.EndStream));
        }

        await call.RequestStream.CompleteAsync();
        RawFrame last = await server.ExpectAsync("the end", 1, frame => frame.EndStream);
        Assert.Equal((FrameType.Data, 0), (last.Type, last.Payload.Length));
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await client.AssertQuietAsync(server);
    }

    /// <summary>RFC 7541 section 7.1.3: what holds a secret enters no table, and no proxy may put it into one.</summary>
    [Theory]
    [InlineData("authorization", "1f08", 7)] // 0001 and the static name 23, which is 15 + 8; then the value in five octets
    [InlineData("cookie", "1f11", 7)]
    [InlineData("x-token", "1086", 13)] // 0001 without an index, and the name in seven octets
    [Requirement("7541-7.1.3-1")]
    public async Task A_secret_is_sent_as_a_never_indexed_literal(string name, string start, int length)
    {
        await using var client = new TestChannel();
        RawServer? server = null;
        for (int id = 1; id <= 5; id += 2)
        {
            Task call = client.Unary([1], new CallOptions(new Metadata { { name, "secret" } })).ResponseAsync;
            server ??= await client.StartAsync();
            RawFrame head = (await server.RequestAsync(id)).Head;
            Assert.Equal("secret", head[name]);

            // The field is the last of its block.
            Assert.StartsWith(start, Convert.ToHexStringLower(head.Payload.AsSpan(head.Payload.Length - length)), StringComparison.Ordinal);
            await server.ReplyAsync(id);
            await RawPeer.Within(call, "the response");
        }
    }

    /// <summary>RFC 9113 section 9.1: one connection for all calls to a host and port.</summary>
    [Fact]
    [Requirement("7541-2.2-1")]
    [Requirement("9113-9.1-1")]
    [Requirement("9113-9.1-2")]
    public async Task All_calls_of_a_channel_share_one_connection()
    {
        await using var client = new TestChannel();
        Task<byte[]>[] calls = [.. Enumerable.Range(0, 50).Select(i => Task.Run(() => client.Unary([(byte)i]).ResponseAsync))];
        RawServer server = await client.StartAsync();
        for (int id = 1; id < 100; id += 2)
        {
            await server.RequestAsync(id);
        }

        Assert.Single(client.Channel.Core.Connections);
        for (int id = 1; id < 100; id += 2)
        {
            await server.ReplyAsync(id);
        }

        await RawPeer.Within(Task.WhenAll(calls), "the responses");
        await client.AssertWorksAsync(server, 101);
        Assert.Single(client.Channel.Core.Connections);
    }
}
