using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 sections 8.1 to 8.3 on a server: requests that are malformed end alone, and the connection goes on.</summary>
public class Section8_1_Messages
{
    /// <summary>RFC 9113 section 8.1.1: a malformed request is a stream error PROTOCOL_ERROR.</summary>
    [Theory]
    [InlineData("no path", ":method=POST", ":scheme=http", "content-type=application/grpc")]
    [InlineData("path twice", ":method=POST", ":scheme=http", ":path=/test/Unary", ":path=/test/Unary")]
    [InlineData("pseudo-header field after a regular one", ":method=POST", "te=trailers", ":scheme=http", ":path=/test/Unary")]
    [InlineData("a pseudo-header field of responses", ":method=POST", ":scheme=http", ":path=/test/Unary", ":status=200")]
    [InlineData("uppercase name", ":method=POST", ":scheme=http", ":path=/test/Unary", "Te=trailers")]
    [InlineData("connection", ":method=POST", ":scheme=http", ":path=/test/Unary", "connection=close")]
    [InlineData("te other than trailers", ":method=POST", ":scheme=http", ":path=/test/Unary", "te=gzip")]
    [InlineData("line break", ":method=POST", ":scheme=http", ":path=/test/Unary", "a=b\r\nc: d")]
    [InlineData("host that differs", ":method=POST", ":scheme=http", ":path=/test/Unary", ":authority=a", "host=b")]
    [Requirement("9113-8.1.1-4")]
    public async Task A_malformed_request_resets_its_stream(string what, params string[] fields)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, fields);
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        await client.AssertWorksAsync(3);
        Assert.True(server.Service.Calls.Count == 1, $"a handler saw a request with {what}");
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.1: trailers have no pseudo-header fields.</summary>
    [Fact]
    [Requirement("9113-8.1-5")]
    [Requirement("9113-8.3-4")]
    public async Task Malformed_trailers_reset_their_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.HeadersAsync(1, endStream: true, ":path=/x");
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.1: a second header list ends the request.</summary>
    [Fact]
    [Requirement("9113-8.1-6")]
    [Requirement("9113-8.1.1-4")]
    public async Task A_second_header_list_without_end_of_stream_resets_the_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.HeadersAsync(1, endStream: false, "trailer=x");
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    [Requirement("9113-8.1-1")]
    public async Task Request_trailers_end_the_request()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        foreach ((int id, string method) in new[] { (1, "Unary"), (3, "Collect") })
        {
            await client.RequestAsync(id, method);
            await client.DataAsync(id, RawClient.Message(1));
            await client.HeadersAsync(id, endStream: true, "trailer=x");
            Assert.Equal("0", (await client.ResponseAsync(id)).Status);
        }

        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.1.1: content-length has to be the sum of the DATA.</summary>
    [Theory]
    [InlineData("5", false)]
    [InlineData("6", true)]
    [InlineData("7", false)]
    [InlineData("x", false)]
    [InlineData("6x", false)]
    [InlineData("-1", false)]
    [InlineData("6 ", false)]
    [InlineData("+6", false)]
    [InlineData("", false)]
    [InlineData("6, 6", false)]
    [InlineData("99999999999999999999", false)]
    [Requirement("9113-8.1.1-1")]
    [Requirement("9113-8.1.1-4")]
    public async Task A_content_length_that_differs_from_the_data_resets_the_stream(string length, bool accepted)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "content-length=" + length);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        if (accepted)
        {
            Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        }
        else
        {
            await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        }

        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.1.1: content-length is held against all DATA together; no frame is right or wrong by itself. Padding doesn't count.</summary>
    [Theory]
    [InlineData("4", false, false)] // as long as the last frame
    [InlineData("5", false, false)]
    [InlineData("6", false, true)]
    [InlineData("7", false, false)]
    [InlineData("6", true, true)]
    [InlineData("12", true, false)] // the padding too
    [InlineData("14", true, false)] // and the octets that say how long it is
    [Requirement("9113-8.1.1-1")]
    [Requirement("9113-8.1.1-4")]
    public async Task A_content_length_that_differs_from_the_sum_of_two_frames_resets_the_stream(string length, bool padded, bool accepted)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        byte[] message = RawClient.Message(1);
        await client.RequestAsync(1, "Unary", "content-length=" + length);
        if (padded)
        {
            await client.SendAsync(o => DataFrame.Write(o, 1, message.AsSpan(0, 2), endStream: false, padLength: 3));
            await client.SendAsync(o => DataFrame.Write(o, 1, message.AsSpan(2), endStream: true, padLength: 3));
        }
        else
        {
            await client.DataAsync(1, message[..2]);
            await client.DataAsync(1, message[2..], endStream: true);
        }

        if (accepted)
        {
            Assert.Equal(message, (await client.ResponseAsync(1)).Data);
        }
        else
        {
            await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        }

        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.1.1: there is one length. Which of two counts would depend on who looks.</summary>
    [Theory]
    [InlineData("6", "7", false)]
    [InlineData("7", "6", false)]
    [InlineData("6", "x", false)]
    [InlineData("6", "6", true)]
    [Requirement("9113-8.1.1-1")]
    public async Task Two_content_lengths_that_differ_reset_the_stream(string first, string second, bool accepted)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "content-length=" + first, "content-length=" + second);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        if (accepted)
        {
            Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        }
        else
        {
            await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        }

        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    [Requirement("9113-8.1.1-1")]
    public async Task A_content_length_without_data_resets_the_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: true, RawClient.RequestFields("Unary", "content-length=6"));
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        await client.RequestAsync(3, "Unary", "content-length=7");
        await client.DataAsync(3, RawClient.Message(1));
        await client.HeadersAsync(3, endStream: true, "trailer=x");
        await client.ExpectResetAsync(3, ErrorCode.ProtocolError);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.1: a complete response before the end of the request, then RST_STREAM NO_ERROR.</summary>
    [Fact]
    [Requirement("grpc-errors-9")]
    public async Task A_response_before_the_end_of_the_request_is_followed_by_a_reset_without_error()
    {
        await using var server = new TestServer();
        server.Service.Collect = (_, _) => Task.FromResult(new byte[] { 7 });
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("0", response.Status);
        Assert.Equal(RawClient.Message(7), response.Data);
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.AssertNothingOnAsync(1);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 10.5.1: a header list over the limit fails its call; the connection and its table go on.</summary>
    [Theory]
    [InlineData(101, 1)]
    [InlineData(9, 2_000)]
    [InlineData(3, 20_000)]
    [Requirement("9113-10.5-2")]
    [Requirement("9113-10.5.1-1")]
    [Requirement("7541-7.4-2")]
    public async Task A_header_list_over_the_limit_resets_its_stream(int fields, int length)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        client.Indexing = Indexing.Without;
        await client.RequestAsync(1, "Collect", [.. Enumerable.Repeat("many=" + new string('\u0080', length), fields)]);
        await client.ExpectResetAsync(1, ErrorCode.EnhanceYourCalm);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>A list that is far over the limit is no mistake; a small block makes one by naming a large entry often (CVE-2016-6581).</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Requirement("9113-10.5-2")]
    public async Task A_header_list_far_over_the_limit_ends_the_connection(bool indexed)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        client.Indexing = indexed ? Indexing.Incremental : Indexing.Without;
        await client.RequestAsync(3, "Collect", [.. Enumerable.Repeat("many=" + new string('\u0080', 3_000), 25)]);

        // Plainly encoded, the block is cut off before it names a stream.
        await client.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, indexed ? 3 : 1, "10.5.1");
        await server.AssertEndedAsync();
    }

    /// <summary>A stream that is refused doesn't excuse it.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task A_header_list_far_over_the_limit_of_a_refused_stream_ends_the_connection_too()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 1);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.RequestAsync(3, "Collect", [.. Enumerable.Repeat("many=" + new string('\u0080', 3_000), 25)]);
        await client.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, 3, "10.5.1");
    }
}
