using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 sections 8.3 and 8.5 on a server: what a request says by its pseudo-header fields.</summary>
public class Section8_3_ControlData
{
    /// <summary>
    /// RFC 9113 sections 8.3 and 8.3.1: a request whose pseudo-header fields break a rule is malformed: its stream is reset with
    /// PROTOCOL_ERROR, no handler sees it, and the connection goes on.
    /// </summary>
    [Theory]
    [InlineData("no :method", ":scheme=http", ":path=/test/Unary")]
    [InlineData("no :scheme", ":method=POST", ":path=/test/Unary")]
    [InlineData("no :path", ":method=POST", ":scheme=http")]
    [InlineData("none at all", "content-type=application/grpc")]
    [InlineData("no fields at all")]
    [InlineData(":method twice", ":method=POST", ":method=POST", ":scheme=http", ":path=/test/Unary")]
    [InlineData(":scheme twice", ":method=POST", ":scheme=http", ":scheme=https", ":path=/test/Unary")]
    [InlineData(":path twice", ":method=POST", ":scheme=http", ":path=/test/Unary", ":path=/test/Unary")]
    [InlineData(":authority twice", ":method=POST", ":scheme=http", ":path=/test/Unary", ":authority=a", ":authority=a")]
    [InlineData(":path behind a regular field", ":method=POST", ":scheme=http", "te=trailers", ":path=/test/Unary")]
    [InlineData(":authority behind a regular field", ":method=POST", ":scheme=http", ":path=/test/Unary", "te=trailers", ":authority=a")]
    [InlineData(":status", ":method=POST", ":scheme=http", ":path=/test/Unary", ":status=200")]
    [InlineData(":protocol, which nobody has negotiated", ":method=POST", ":scheme=http", ":path=/test/Unary", ":protocol=websocket")]
    [InlineData("an unknown one", ":method=POST", ":scheme=http", ":path=/test/Unary", ":version=2")]
    [InlineData("an uppercase one", ":method=POST", ":scheme=http", ":Path=/test/Unary")]
    [InlineData("an empty :path", ":method=POST", ":scheme=http", ":path=")]
    [InlineData("an empty :method", ":method=", ":scheme=http", ":path=/test/Unary")]
    [InlineData("an empty :scheme", ":method=POST", ":scheme=", ":path=/test/Unary")]
    [InlineData("a :method that is none", ":method=PO ST", ":scheme=http", ":path=/test/Unary")]
    [InlineData("a :scheme that is none", ":method=POST", ":scheme=http://", ":path=/test/Unary")]
    [InlineData("a line break in :path", ":method=POST", ":scheme=http", ":path=/test/Unary\r\nx: y")]
    [InlineData("userinfo", ":method=POST", ":scheme=http", ":path=/test/Unary", ":authority=user@host")]
    [InlineData("userinfo with a password", ":method=POST", ":scheme=https", ":path=/test/Unary", ":authority=user:secret@host:443")]
    [InlineData("a host that differs", ":method=POST", ":scheme=http", ":path=/test/Unary", ":authority=a", "host=b")]
    [InlineData("CONNECT with :path", ":method=CONNECT", ":authority=a:1", ":path=/")]
    [InlineData("CONNECT with :scheme", ":method=CONNECT", ":authority=a:1", ":scheme=http")]
    [InlineData("CONNECT without :authority", ":method=CONNECT")]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.3-4")]
    [Requirement("9113-8.3-6")]
    [Requirement("9113-8.3-8")]
    [Requirement("9113-8.3.1-5")]
    [Requirement("9113-8.3.1-10")]
    [Requirement("9113-8.3.1-11")]
    [Requirement("9113-8.3.1-14")]
    [Requirement("9113-8.3.1-15")]
    [Requirement("9113-8.5-1")]
    [Requirement("grpc-requests-12")]
    public async Task A_request_with_other_control_data_resets_its_stream(string what, params string[] fields)
    {
        foreach (bool endStream in new[] { false, true })
        {
            await using var server = new TestServer();
            RawClient client = await server.StartAsync();
            await client.HeadersAsync(1, endStream, fields);
            await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
            Assert.True(server.Service.Calls.IsEmpty, $"a handler saw a request with {what}");
            await client.AssertWorksAsync(3);
            await server.AssertQuietAsync(client);
        }
    }

    /// <summary>RFC 9113 section 8.1: trailers have no pseudo-header fields, not even those that the request had.</summary>
    [Theory]
    [InlineData(":path=/test/Unary")]
    [InlineData(":method=POST")]
    [InlineData(":status=200")]
    [InlineData(":x=y")]
    [Requirement("9113-8.1-5")]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.3-4")]
    public async Task Trailers_with_a_pseudo_header_field_reset_their_stream(string field)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1));
        await client.HeadersAsync(1, endStream: true, field);
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        Assert.Empty(server.Service.Calls);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 sections 8.3.1 and 8.5: requests that are well-formed, though gRPC has no use for them.</summary>
    [Theory]
    [InlineData(":method=OPTIONS", ":scheme=http", ":path=*")]
    [InlineData(":method=CONNECT", ":authority=host:443")]
    [InlineData(":method=GET", ":scheme=https", ":path=/", ":authority=host")]
    [InlineData(":method=M-SEARCH", ":scheme=coap+tcp", ":path=/?q")]
    [Requirement("9113-8.3.1-13")]
    [Requirement("9113-8.5-1")]
    [Requirement("grpc-requests-2")]
    public async Task A_well_formed_request_of_another_method_is_answered_by_405(params string[] fields)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: true, fields);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal(("405", "POST"), (response.Head[":status"], response.Head["allow"]));
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.3.1: :authority says whom a request is for; host does where there is none.</summary>
    [Theory]
    [InlineData("a:1", ":authority=a:1")]
    [InlineData("a:1", ":authority=a:1", "host=a:1")]
    [InlineData("b:2", "host=b:2")]
    [InlineData("", ":authority=", "host=")]
    [Requirement("9113-8.3.1-1")]
    public async Task The_authority_is_what_the_handler_sees(string host, params string[] fields)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(
            1,
            endStream: false,
            [":method=POST", ":scheme=http", ":path=/test/Unary", fields[0], "te=trailers", "content-type=application/grpc", .. fields[1..]]);
        string? seen = null;
        server.Service.Unary = (request, context) =>
        {
            seen = context.Host;
            return Task.FromResult(request);
        };
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        Assert.Equal(host, seen);
    }

    /// <summary>A host that differs is no other way in either: the request reaches nobody.</summary>
    [Theory]
    [InlineData("host=b")]
    [InlineData("host=")]
    [Requirement("9113-8.3.1-1")]
    [Requirement("9113-8.3.1-5")]
    public async Task A_host_that_differs_from_the_authority_reaches_no_handler(string host)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: true, RawClient.RequestFields("Unary", "a=b", host));
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        Assert.Empty(server.Service.Calls);
        await client.AssertWorksAsync(3);
    }
}
