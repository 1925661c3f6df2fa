using Grpc.Core;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>gRPC over HTTP/2, Requests, on a server: what it takes to be a call, and what comes back when it isn't one.</summary>
public partial class GrpcRequests
{
    [Fact]
    [Requirement("grpc-requests-2")]
    public async Task A_request_other_than_post_is_method_not_allowed()
    {
        RawResponse response = await HttpRefusalAsync(":method=GET", ":scheme=http", ":path=/test/Unary", "content-type=application/grpc");
        Assert.Equal(("405", "POST"), (response.Head[":status"], response.Head["allow"]));
    }

    [Theory]
    [InlineData("content-type=application/json")]
    [InlineData("content-type=application/grpcx")]
    [InlineData("content-type=application/grpc-web")]
    [InlineData("x=no content-type")]
    [Requirement("grpc-requests-11")]
    public async Task A_request_of_another_content_type_is_an_unsupported_media_type(string field)
    {
        RawResponse response = await HttpRefusalAsync(":method=POST", ":scheme=http", ":path=/test/Unary", field);
        Assert.Equal("415", response.Head[":status"]);
        Assert.Null(response.Status);
    }

    /// <summary>What is no gRPC request is a request of HTTP still: until it has ended it is held to HTTP's rules, and answered then.</summary>
    [Theory]
    [InlineData(":method=GET")]
    [InlineData(":method=POST")]
    public async Task A_request_that_is_not_grpc_is_held_to_the_rules_of_http_until_it_has_ended(string method)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        string[] fields = [method, ":scheme=http", ":path=/"];
        await client.HeadersAsync(1, endStream: false, [.. fields, "content-length=1"]);
        await client.DataAsync(1, [1, 2], endStream: true);
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        await client.HeadersAsync(3, endStream: false, fields);
        await client.SendAsync(o => MiniGrpc.Wire.Http2.Frames.WindowUpdateFrame.Write(o, 3, int.MaxValue));
        await client.ExpectResetAsync(3, ErrorCode.FlowControlError);
        await client.HeadersAsync(5, endStream: false, fields);
        await client.HeadersAsync(5, endStream: false, "x=trailers without END_STREAM");
        await client.ExpectResetAsync(5, ErrorCode.ProtocolError);
        await client.HeadersAsync(7, endStream: false, fields);
        await client.HeadersAsync(7, endStream: true, "x=trailers");
        Assert.NotNull((await client.ResponseAsync(7)).Head[":status"]);
        await client.AssertWorksAsync(9);
        await server.AssertQuietAsync(client);
    }

    /// <summary>Nobody reads such content, and it may be longer than the windows.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(2_000_000)]
    public async Task A_request_that_is_not_grpc_is_answered_when_its_content_has_ended(int length)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, ":method=POST", ":scheme=http", ":path=/", "content-type=application/json");
        await Robustness.Bulk.SendAsync(client, 1, new byte[length], endStream: true);
        Assert.Equal("415", (await client.ResponseAsync(1)).Head[":status"]);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("application/grpc;charset=utf-8")]
    [Requirement("grpc-requests-10")]
    public async Task Every_form_of_the_content_type_is_taken(string type)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, ":method=POST", ":scheme=http", ":path=/test/Unary", "content-type=" + type);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
    }

    [Theory]
    [InlineData("/test/Nothing", "no method 'Nothing'")]
    [InlineData("/test/unary", "no method 'unary'")]
    [InlineData("/nothing/Unary", "No service")]
    [InlineData("test/Unary", "No service")]
    [InlineData("/test/Unary/", "No service")]
    [InlineData("*", "No service")]
    [Requirement("grpc-requests-5")]
    public async Task An_unknown_path_is_unimplemented(string path, string message)
    {
        RawResponse response = await RefusalAsync(":method=POST", ":scheme=http", ":path=" + path, "content-type=application/grpc");
        AssertStatus(response, StatusCode.Unimplemented, message);
    }

    /// <summary>gRPC over HTTP/2, Timeout: at most eight digits and a unit. A field without a value is not the same as no field.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("1")]
    [InlineData("S")]
    [InlineData("123456789S")]
    [InlineData("1s")]
    [InlineData("-1S")]
    [InlineData("1 S")]
    [Requirement("grpc-requests-8")]
    public async Task A_timeout_that_cannot_be_read_fails_the_call(string timeout) =>
        AssertStatus(await RefusalAsync(RawClient.RequestFields("Unary", "grpc-timeout=" + timeout)), StatusCode.Internal, "grpc-timeout");

    [Theory]
    [InlineData("99999999H")]
    [InlineData("99999999m")]
    [InlineData("1M")]
    public async Task A_timeout_of_any_length_is_taken(string timeout)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-timeout=" + timeout);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        Assert.True(Assert.Single(server.Service.Calls).Deadline > DateTime.UtcNow);
        await server.AssertQuietAsync(client);
    }

    /// <summary>gRPC compression.md: an encoding that the server doesn't have is UNIMPLEMENTED, and the answer says which it has.</summary>
    [Fact]
    [Requirement("grpc-compression-1")]
    [Requirement("grpc-compression-2")]
    [Requirement("grpc-compression-11")]
    public async Task An_unknown_encoding_is_unimplemented_and_the_answer_names_those_there_are()
    {
        await using var server = new TestServer(options => options.CompressionProviders.Add(new GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest)));
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "grpc-encoding=snappy");
        RawResponse response = await client.ResponseAsync(1);
        AssertStatus(response, StatusCode.Unimplemented, "snappy");
        Assert.Equal("identity,gzip", response.Head["grpc-accept-encoding"]);
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }

    /// <summary>gRPC over HTTP/2, Custom-Metadata: values of -bin names are base64, padded or not, comma-joined or not.</summary>
    [Fact]
    [Requirement("grpc-requests-16")]
    public async Task Bad_base64_in_a_binary_field_fails_the_call_alone()
    {
        RawResponse response = await RefusalAsync(RawClient.RequestFields("Unary", "x-bin=not*base64"));
        AssertStatus(response, StatusCode.Internal, "x-bin");
    }

    [Fact]
    [Requirement("grpc-requests-16")]
    [Requirement("grpc-requests-17")]
    [Requirement("grpc-requests-19")]
    [Requirement("grpc-requests-20")]
    [Requirement("grpc-requests-21")]
    public async Task Base64_is_taken_padded_unpadded_and_joined_by_commas()
    {
        await using var server = new TestServer();
        byte[][] seen = [];
        server.Service.Unary = (request, context) =>
        {
            seen = [.. context.RequestHeaders.GetAll("x-bin").Select(entry => entry.ValueBytes)];
            return Task.FromResult(request);
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "x-bin=AQ==", "x-bin=Ag,AwQ=", "x+y=a name that metadata can't hold");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        Assert.Equal([[1], [2], [3, 4]], seen);
    }

    /// <summary>gRPC over HTTP/2, Responses: a call that fails before it has sent anything is one block, Trailers-Only.</summary>
    [Fact]
    [Requirement("grpc-responses-1")]
    [Requirement("grpc-responses-2")]
    [Requirement("grpc-responses-9")]
    [Requirement("grpc-errors-1")]
    public async Task A_failure_before_any_response_is_trailers_only()
    {
        await using var server = new TestServer();
        server.Service.Unary = (_, _) => throw new RpcException(
            new Status(StatusCode.NotFound, "gone: 100 %\n☃"), new Metadata { { "why", "because" }, { "octets-bin", [1, 2] } });
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Null(response.Trailers);
        Assert.Equal(("200", "application/grpc"), (response.Head[":status"], response.Head["content-type"]));
        AssertStatus(response, StatusCode.NotFound, "gone: 100 %\n☃");
        Assert.Equal(("because", "AQI"), (response.Head["why"], response.Head["octets-bin"]?.TrimEnd('=')));
        Assert.Equal("gone: 100 %25%0A%E2%98%83", response.Head["grpc-message"]);
    }

    private static void AssertStatus(RawResponse response, StatusCode code, string message)
    {
        Assert.Equal(((int)code).ToString(System.Globalization.CultureInfo.InvariantCulture), response.Status);
        Assert.Contains(message, response.Message, StringComparison.Ordinal);
    }

    /// <summary>The answer to a request that no handler must see; a call that follows must work.</summary>
    private static async Task<RawResponse> HttpRefusalAsync(params string[] fields)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: true, fields);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Null(response.Trailers);
        Assert.Empty(server.Service.Calls);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
        return response;
    }

    private static async Task<RawResponse> RefusalAsync(params string[] fields)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, fields);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Null(response.Trailers);
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        Assert.Empty(server.Service.Calls);
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
        return response;
    }
}
