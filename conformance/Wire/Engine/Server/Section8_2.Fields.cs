using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>
/// RFC 9113 section 8.2 on a server: a field that breaks a rule, among the headers or the trailers of a request, resets its
/// stream with PROTOCOL_ERROR; no handler sees it, and the connection goes on.
/// </summary>
public class Section8_2_Fields
{
    /// <summary>RFC 9113 section 8.2.1: the octets that no name has, one of each kind at least.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.2.1-1")]
    [Requirement("9113-8.2.1-2")]
    [Requirement("9113-8.2.1-3")]
    [Requirement("9113-8.2.1-6")]
    public Task A_name_with_an_octet_that_names_do_not_have_resets_the_stream(bool inTrailers) =>
        AssertMalformedAsync(inTrailers, [.. "\0\u0001\t\n\r\u001f AZ:\u007f\u0080\u00ff(,;{\"".Select(octet => $"a{octet}b=value")]);

    /// <summary>RFC 9113 section 8.2.1: the octets that no value has.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.2.1-1")]
    [Requirement("9113-8.2.1-4")]
    [Requirement("9113-8.2.1-6")]
    public Task A_value_with_an_octet_that_values_do_not_have_resets_the_stream(bool inTrailers) => AssertMalformedAsync(
        inTrailers, [.. "\0\n\r\u0001\u001f\u007f".SelectMany(octet => new[] { $"name=a{octet}b", $"name={octet}b", $"name=a{octet}" })]);

    /// <summary>RFC 9113 section 8.2.1: no space or tab at the ends of a value.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.2.1-5")]
    [Requirement("9113-8.2.1-6")]
    public Task A_value_with_space_at_an_end_resets_the_stream(bool inTrailers) =>
        AssertMalformedAsync(inTrailers, "name= a", "name=a ", "name=\ta", "name=a\t", "name= ", "name=\t");

    /// <summary>RFC 9113 section 8.2.2: fields about the connection, of which te is the one that a request may have.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.2.2-2")]
    [Requirement("9113-8.2.2-3")]
    public Task A_field_about_the_connection_resets_the_stream(bool inTrailers) => AssertMalformedAsync(
        inTrailers,
        "connection=close",
        "proxy-connection=keep-alive",
        "keep-alive=timeout=5",
        "transfer-encoding=chunked",
        "upgrade=h2c",
        "te=gzip",
        "te=trailers, gzip");

    [Fact]
    [Requirement("9113-8.2.2-3")]
    public Task Te_in_trailers_resets_the_stream() => AssertMalformedAsync(inTrailers: true, "te=trailers");

    /// <summary>RFC 9113 section 8.2.1 forbids no more than that: a tab and octets over 127 are allowed in a value.</summary>
    [Fact]
    [Requirement("grpc-requests-23")]
    [Requirement("grpc-requests-24")]
    public async Task A_value_that_HTTP_allows_is_no_error_and_what_the_handler_sees_it_can_send_back()
    {
        await using var server = new TestServer();
        string[] seen = [];
        server.Service.Unary = async (request, context) =>
        {
            seen = [.. context.RequestHeaders.Where(entry => !entry.IsBinary).Select(entry => $"{entry.Key}={entry.Value}")];
            await context.WriteResponseHeadersAsync(context.RequestHeaders);
            context.ResponseTrailers.Add(context.RequestHeaders[0]);
            return request;
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "plain=a b", "umlaut=gr\u00fcn", "tab=a\tb", "empty=", "x+y=z", "b-bin=AQ");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("0", response.Status);
        Assert.Equal(["plain=a b", "empty="], seen);
        Assert.Equal(("a b", "", "AQ"), (response.Head["plain"], response.Head["empty"], response.Head["b-bin"]));
        Assert.Equal("a b", response.Trailers?["plain"]);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.2.3: cookies may come in pieces, and are one string to a server's application.</summary>
    [Fact]
    [Requirement("9113-8.2.3-1")]
    public async Task Cookies_that_come_in_pieces_are_one()
    {
        await using var server = new TestServer();
        string[] seen = [];
        server.Service.Unary = (request, context) =>
        {
            seen = [.. context.RequestHeaders.Select(entry => $"{entry.Key}={entry.Value}")];
            return Task.FromResult(request);
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary", "cookie=a=b", "k=1", "cookie=c=d; e=f", "k=2", "cookie=g=h");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        Assert.Equal(["cookie=a=b; c=d; e=f; g=h", "k=1", "k=2"], seen);
    }

    private static async Task AssertMalformedAsync(bool inTrailers, params string[] fields)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        int id = 1;
        foreach (string field in fields)
        {
            if (inTrailers)
            {
                await client.RequestAsync(id, "Unary");
                await client.DataAsync(id, RawClient.Message(1));
                await client.HeadersAsync(id, endStream: true, field);
            }
            else
            {
                await client.HeadersAsync(id, endStream: true, RawClient.RequestFields("Unary", field));
            }

            await client.ExpectResetAsync(id, ErrorCode.ProtocolError);
            id += 2;
        }

        Assert.Empty(server.Service.Calls);
        await client.AssertWorksAsync(id);
        await server.AssertQuietAsync(client);
    }
}
