using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>
/// RFC 9113 sections 8.1 to 8.3 on a client: fields that break a rule, among the headers, the trailers or an interim response,
/// reset their stream with PROTOCOL_ERROR; the call fails with the section in its status, and the connection goes on.
/// </content>
public partial class Responses
{
    /// <summary>RFC 9113 sections 8.2 and 8.3: headers of a final or an interim response.</summary>
    [Theory]
    [InlineData("8.2.1", ":status=200", "a\nb=value")]
    [InlineData("8.2.1", ":status=200", "a b=value")]
    [InlineData("8.2.1", ":status=200", "Upper=value")]
    [InlineData("8.2.1", ":status=200", "a:b=value")]
    [InlineData("8.2.1", ":status=200", "a\u007fb=value")]
    [InlineData("8.2.1", ":status=200", "a\u00e9b=value")]
    [InlineData("8.2.1", ":status=200", "a(b=value")]
    [InlineData("8.2.1", ":status=200", "name=a\0b")]
    [InlineData("8.2.1", ":status=200", "name=a\r\nb: c")]
    [InlineData("8.2.1", ":status=200", "name=a\u001bb")]
    [InlineData("8.2.1", ":status=200", "name= a")]
    [InlineData("8.2.1", ":status=200", "name=a\t")]
    [InlineData("8.2.2", ":status=200", "connection=close")]
    [InlineData("8.2.2", ":status=200", "proxy-connection=close")]
    [InlineData("8.2.2", ":status=200", "keep-alive=timeout=5")]
    [InlineData("8.2.2", ":status=200", "transfer-encoding=chunked")]
    [InlineData("8.2.2", ":status=200", "upgrade=h2c")]
    [InlineData("8.2.2", ":status=200", "te=trailers")]
    [InlineData("8.3", ":status=200", ":method=POST")]
    [InlineData("8.3", ":status=200", ":scheme=http")]
    [InlineData("8.3", ":status=200", ":authority=a")]
    [InlineData("8.3", ":status=200", ":path=/")]
    [InlineData("8.3", ":status=200", ":reason=OK")]
    [InlineData("8.3", ":status=200", ":status=200")]
    [InlineData("8.3", "a=b", ":status=200")]
    [InlineData("8.3.2", "a=b", "c=d")]
    [InlineData("8.3.2", ":status=20", "a=b")]
    [InlineData("8.3.2", ":status=2000", "a=b")]
    [InlineData("8.3.2", ":status=2x0", "a=b")]
    [InlineData("8.3.2", ":status=", "a=b")]
    [InlineData("8.6", ":status=101", "a=b")]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.1.1-5")]
    [Requirement("9113-8.2.1-1")]
    [Requirement("9113-8.2.1-2")]
    [Requirement("9113-8.2.1-3")]
    [Requirement("9113-8.2.1-4")]
    [Requirement("9113-8.2.1-5")]
    [Requirement("9113-8.2.1-6")]
    [Requirement("9113-8.2.2-2")]
    [Requirement("9113-8.2.2-3")]
    [Requirement("9113-8.3-4")]
    [Requirement("9113-8.3-6")]
    [Requirement("9113-8.3-8")]
    [Requirement("9113-8.3.2-2")]
    [Requirement("9113-8.6-1")]
    public async Task A_response_with_a_field_that_breaks_a_rule_resets_its_stream(string section, string first, string second)
    {
        await MalformedAsync(section, (server, id) => server.HeadersAsync(id, endStream: false, first, second, "content-type=application/grpc"));
        await MalformedAsync(section, (server, id) => server.HeadersAsync(id, endStream: true, first, second, "grpc-status=0"));
        string interim = first == ":status=200" ? ":status=103" : first;
        await MalformedAsync(section, (server, id) => server.HeadersAsync(id, endStream: false, interim, second == ":status=200" ? ":status=103" : second));
    }

    /// <summary>RFC 9113 sections 8.1 and 8.2: trailers, which end the stream all the same.</summary>
    [Theory]
    [InlineData("8.1", ":status=200")]
    [InlineData("8.1", ":path=/")]
    [InlineData("8.1", ":x=y")]
    [InlineData("8.2.1", "Upper=value")]
    [InlineData("8.2.1", "a\rb=value")]
    [InlineData("8.2.1", "name=a\nb")]
    [InlineData("8.2.1", "name=a ")]
    [InlineData("8.2.2", "connection=close")]
    [InlineData("8.2.2", "te=trailers")]
    [Requirement("9113-8.1-5")]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.1.1-5")]
    [Requirement("9113-8.2.1-6")]
    [Requirement("9113-8.2.2-2")]
    [Requirement("9113-8.3-4")]
    public Task Trailers_with_a_field_that_breaks_a_rule_reset_their_stream(string section, string field) => MalformedAsync(
        section,
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await server.DataAsync(id, RawClient.Message(1));
            await server.HeadersAsync(id, endStream: true, "grpc-status=0", field);
        });

    /// <summary>
    /// gRPC over HTTP/2, Custom-Metadata: HTTP allows a tab and octets over 127 in a value and other signs in a name. They are no error,
    /// and left out of what the caller sees, so that it can send all of that back.
    /// </summary>
    [Fact]
    [Requirement("grpc-requests-23")]
    [Requirement("grpc-requests-24")]
    public async Task A_value_that_HTTP_allows_is_no_error_and_what_the_caller_sees_it_can_send_back()
    {
        await using var client = new TestChannel();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        string[] fields = ["plain=a b", "umlaut=gr\u00fcn", "tab=a\tb", "empty=", "x+y=z", "b-bin=AQ"];
        await server.HeadersAsync(1, endStream: false, [.. RawServer.Headers200, .. fields]);
        await server.DataAsync(1, RawClient.Message(9));
        await server.HeadersAsync(1, endStream: true, ["grpc-status=0", .. fields]);
        Assert.Equal([9], await RawPeer.Within(call.ResponseAsync, "the response"));
        int id = 1;
        foreach (Metadata seen in new[] { await call.ResponseHeadersAsync, call.GetTrailers() })
        {
            Task<byte[]> again = client.Unary([1], new CallOptions(seen)).ResponseAsync;
            id += 2;
            RawFrame head = (await server.RequestAsync(id)).Head;
            Assert.Equal(["grpc-accept-encoding=identity", "plain=a b", "empty=", "b-bin=AQ"], head.Fields[^4..]);
            await server.ReplyAsync(id, 7);
            Assert.Equal([7], await RawPeer.Within(again, "the response"));
        }

        await client.AssertQuietAsync(server);
    }

    /// <summary>RFC 9113 section 8.1: frames of a response in an order that makes none.</summary>
    [Theory]
    [InlineData("DATA between an interim and the final response")]
    [InlineData("an interim response after the final one")]
    [InlineData("an interim response that ends after another one")]
    [InlineData("a second final response")]
    [Requirement("9113-8.1-1")]
    [Requirement("9113-8.1-2")]
    [Requirement("9113-8.1-5")]
    [Requirement("9113-8.1-7")]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.1.1-5")]
    public Task A_response_out_of_order_resets_its_stream(string what) => MalformedAsync(
        "8.1",
        (server, id) => server.SendAsync(o =>
        {
            string[] first = what is "DATA between an interim and the final response" or "an interim response that ends after another one"
                ? [":status=103"]
                : RawServer.Headers200;
            server.Headers(o, id, endStream: false, first);
            switch (what)
            {
                case "DATA between an interim and the final response": DataFrame.Write(o, id, RawClient.Message(1), endStream: false); break;
                case "an interim response after the final one": server.Headers(o, id, endStream: false, ":status=103"); break;
                case "an interim response that ends after another one": server.Headers(o, id, endStream: true, ":status=103"); break;
                default: server.Headers(o, id, endStream: false, RawServer.Headers200); break;
            }
        }));

    /// <summary>RFC 9113 section 8.1.1: content-length is one number, and the sum of the DATA.</summary>
    [Theory]
    [InlineData("content-length=7")]
    [InlineData("content-length=5")]
    [InlineData("content-length=0")]
    [InlineData("content-length=+6")]
    [InlineData("content-length=-6")]
    [InlineData("content-length=6, 6")]
    [InlineData("content-length=")]
    [InlineData("content-length=99999999999999999999")]
    [InlineData("content-length=6", "content-length=7")]
    [InlineData("content-length=7", "content-length=6")]
    [Requirement("9113-8.1.1-1")]
    [Requirement("9113-8.1.1-5")]
    public Task A_response_of_another_length_than_it_says_fails_the_call(params string[] fields) => FailsAsync(
        StatusCode.Internal,
        "section 8.1.1)",
        (server, id) => server.SendAsync(o =>
        {
            server.Headers(o, id, endStream: false, [.. RawServer.Headers200, .. fields]);
            DataFrame.Write(o, id, RawClient.Message(1), endStream: false);
            server.Headers(o, id, endStream: true, s_ok);
        }));

    [Fact]
    [Requirement("9113-8.1.1-1")]
    public async Task A_response_of_the_length_that_it_says_is_one()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, [.. RawServer.Headers200, "content-length=6", "content-length=6"]);
        await server.DataAsync(1, RawClient.Message(9)[..4]);
        await server.DataAsync(1, RawClient.Message(9)[4..]);
        await server.HeadersAsync(1, endStream: true, s_ok);
        Assert.Equal([9], await RawPeer.Within(call, "the response"));
        await client.AssertQuietAsync(server);
    }

    /// <summary>RFC 9113 section 8.1.1: 204 and 304 have no content, and may say how long it would be.</summary>
    [Theory]
    [InlineData("204")]
    [InlineData("304")]
    [Requirement("9113-8.1.1-2")]
    public Task A_response_without_content_may_have_a_content_length(string status) => FailsAsync(
        StatusCode.Unknown, "HTTP status " + status, (server, id) => server.HeadersAsync(id, endStream: true, ":status=" + status, "content-length=100"));

    /// <summary>RFC 9113 section 7: an unknown code ends the call as INTERNAL_ERROR would.</summary>
    [Theory]
    [InlineData(0x05u, "STREAM_CLOSED")]
    [InlineData(0x0du, "HTTP_1_1_REQUIRED")]
    [InlineData(0x0eu, "0xe")]
    [InlineData(0xdeadbeefu, "0xdeadbeef")]
    [Requirement("9113-7-1")]
    public Task A_reset_with_an_unknown_code_is_internal(uint code, string name) => FailsAsync(
        StatusCode.Internal, name, (server, id) => server.SendAsync(o => RstStreamFrame.Write(o, id, (ErrorCode)code)));

    /// <summary>gRPC over HTTP/2, Errors: two codes of the table come with an explanation.</summary>
    [Theory]
    [InlineData(ErrorName.EnhanceYourCalm, StatusCode.ResourceExhausted, "bandwidth")]
    [InlineData(ErrorName.InadequateSecurity, StatusCode.PermissionDenied, "not secure enough")]
    [Requirement("grpc-errors-4")]
    [Requirement("grpc-errors-5")]
    public Task A_reset_of_these_codes_is_explained(ErrorName code, StatusCode status, string detail) => FailsAsync(
        status, detail, (server, id) => server.SendAsync(o => RstStreamFrame.Write(o, id, (ErrorCode)code)));

    /// <summary>http-grpc-status-mapping.md: a grpc-status that came goes before the HTTP status, and before an odd content-type.</summary>
    [Theory]
    [InlineData(true, ":status=503", "content-type=application/grpc")]
    [InlineData(true, ":status=404", "content-type=text/html")]
    [InlineData(true, ":status=200", "content-type=text/html")]
    [InlineData(false, ":status=503", "content-type=application/grpc")]
    [InlineData(false, ":status=404", "content-type=text/html")]
    [Requirement("grpc-mapping-2")]
    public Task A_grpc_status_goes_before_the_status_of_http(bool endStream, params string[] fields) => FailsAsync(
        StatusCode.DataLoss,
        $"lost (The server's answer is not gRPC: HTTP status {fields[0][":status=".Length..]}",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream, [.. fields, "grpc-status=15", "grpc-message=lost"]);
            if (!endStream)
            {
                await server.ExpectResetAsync(id, ErrorCode.Cancel);
            }
        });

    /// <summary>OK from something that is no gRPC server is no success, and no exception that says OK.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Requirement("grpc-mapping-2")]
    public async Task A_status_ok_beside_another_status_of_http_is_no_success(bool endStream)
    {
        await using var client = new TestChannel();
        using AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream, ":status=503", "content-type=text/html", "grpc-status=0");
        await TestChannel.AssertFailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Unavailable, "503");
        Assert.Equal(StatusCode.Unavailable, call.GetStatus().StatusCode);
        await client.AssertWorksAsync(server, 3);
    }

    private static Task MalformedAsync(string section, Func<RawServer, int, Task> answer) => FailsAsync(
        StatusCode.Internal,
        $"section {section})",
        async (server, id) =>
        {
            await answer(server, id);
            await server.ExpectResetAsync(id, ErrorCode.ProtocolError);
        });
}
