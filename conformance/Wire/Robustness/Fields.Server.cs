using Grpc.Core;
using Grpc.Core.Interceptors;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>
/// Attacks by what stands in a request's header list, rows 21 to 26: the connection always lives, and what can't be sent is
/// refused before any of it leaves.
/// </summary>
public class FieldsOnTheServer
{
    /// <summary>Row 21, bad base64 (CVE-2023-32732): gRPC over HTTP/2, Custom-Metadata.</summary>
    [Theory]
    [InlineData("not*base64")]
    [InlineData("A")]
    [InlineData("AQ=")]
    [InlineData("AQ==,A")]
    [InlineData("A Q=")]
    public async Task Row21_Bad_base64_fails_its_call(string value)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        RawResponse response = await attacked.OffendAsync(
            StatusCode.Internal, "'x-bin' is not base64", (client, id) => client.RequestAsync(id, "Unary", "x-bin=" + value));
        Assert.Null(response.Trailers);
    }

    /// <summary>Row 21: padded, unpadded and comma-joined values are accepted.</summary>
    [Theory]
    [InlineData("AQ==", "01")]
    [InlineData("AQ", "01")]
    [InlineData("AQI=", "0102")]
    [InlineData("AQI", "0102")]
    [InlineData("AQID", "010203")]
    [InlineData("AQ==,AgM", "01 0203")]
    [InlineData("AQ, AgM=", "01 0203")]
    [InlineData("", "")]
    public async Task Row21_Base64_is_taken_in_every_form(string value, string octets)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        string? seen = null;
        attacked.Server.Service.Unary = (request, context) =>
        {
            seen = string.Join(' ', context.RequestHeaders.GetAll("x-bin").Select(entry => Convert.ToHexString(entry.ValueBytes)));
            return Task.FromResult(request);
        };
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary", "x-bin=" + value);
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await attacked.Attacker.ResponseAsync(id)).Status);
        Assert.Equal(octets, seen);
    }

    /// <summary>Row 22, CR, LF and NUL (CVE-2025-57804); row 23, fields that no message may have (RFC 9113 sections 8.2 and 8.3).</summary>
    [Theory]
    [MemberData(nameof(Malformed.Fields), MemberType = typeof(Malformed))]
    public async Task Row22_Row23_A_malformed_request_is_a_protocol_error_of_its_stream(string field)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(ErrorCode.ProtocolError, "(RFC 9113 section 8.", (client, id) => client.RequestAsync(id, "Collect", field));
    }

    /// <summary>Row 23: pseudo-header fields out of order, repeated, missing or of responses, and a host that differs.</summary>
    [Theory]
    [InlineData(":method=POST", ":scheme=http", ":path=/test/Unary", ":path=/test/Unary")]
    [InlineData(":method=POST", ":scheme=http", "te=trailers", ":path=/test/Unary")]
    [InlineData(":method=POST", ":scheme=http", ":path=/test/Unary", ":status=200")]
    [InlineData(":method=POST", ":scheme=http", ":path=/test/Unary", ":unknown=x")]
    [InlineData(":method=POST", ":scheme=http", ":path=")]
    [InlineData(":method=POST", ":scheme=http")]
    [InlineData(":scheme=http", ":path=/test/Unary")]
    [InlineData(":method=POST", ":path=/test/Unary")]
    [InlineData(":method=POST", ":scheme=http", ":path=/test/Unary", ":authority=a", "host=b")]
    [InlineData(":method=POST", ":scheme=http", ":path=/test/Unary", ":authority=a", "host=A")]
    [InlineData(":method=CONNECT", ":scheme=http", ":path=/test/Unary", ":authority=a")]
    public async Task Row23_Malformed_pseudo_header_fields_are_a_protocol_error_of_their_stream(params string[] fields)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(ErrorCode.ProtocolError, "(RFC 9113 section 8.", (client, id) => client.HeadersAsync(id, endStream: false, fields));
    }

    [Fact]
    public async Task Row23_A_pseudo_header_field_in_trailers_is_a_protocol_error_of_its_stream()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            ErrorCode.ProtocolError,
            "in trailers",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Collect");
                await client.HeadersAsync(id, endStream: true, ":path=/");
            });
    }

    /// <summary>Row 24 (CVE-2026-33186): paths match exactly, and nothing of the server's runs for one that doesn't.</summary>
    [Theory]
    [InlineData("test/Unary")]
    [InlineData("/test/unary")]
    [InlineData("/Test/Unary")]
    [InlineData("/test/Unary/")]
    [InlineData("//test/Unary")]
    [InlineData("/test//Unary")]
    [InlineData("/test/%55nary")]
    [InlineData("/test/./Unary")]
    [InlineData("/test/Unary?x")]
    [InlineData("/test/Unary#x")]
    [InlineData("/test/Unar\u00fd")]
    [InlineData("/test/")]
    [InlineData("/test")]
    [InlineData("/")]
    [InlineData("*")]
    public async Task Row24_A_path_that_no_method_has_is_unimplemented_before_an_interceptor_runs(string path)
    {
        var counter = new CountingInterceptor();
        await using AttackedServer attacked = await AttackedServer.StartAsync(new TestServer(interceptors: [counter]));
        int before = counter.Count;
        RawResponse response = await attacked.OffendAsync(
            StatusCode.Unimplemented,
            path.StartsWith("/test/", StringComparison.Ordinal) && path.Count(c => c == '/') == 2 ? "has no method" : "No service is registered",
            (client, id) => client.HeadersAsync(id, endStream: false, ":method=POST", ":scheme=http", ":path=" + path, "content-type=application/grpc"));
        Assert.Null(response.Trailers);
        Assert.Equal((1, 3), (before, counter.Count)); // the sound calls before and after: attacker, bystander
    }

    /// <summary>Row 24: what the client sent is told back in part: percent-encoding would make it six times as long.</summary>
    [Fact]
    public async Task Row24_A_long_path_is_not_told_back_in_full()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        RawResponse response = await attacked.OffendAsync(
            StatusCode.Unimplemented,
            "No service is registered",
            (client, id) => client.HeadersAsync(
                id, endStream: false, ":method=POST", ":scheme=http", ":path=/" + new string('\u0080', 10_000), "content-type=application/grpc"));
        Assert.InRange(response.Head["grpc-message"]!.Length, 1, 2000);
    }

    /// <summary>Row 25: what isn't gRPC is answered in HTTP's terms (gRPC over HTTP/2, Requests).</summary>
    [Theory]
    [InlineData("405", ":method=GET", "content-type=application/grpc")]
    [InlineData("405", ":method=post", "content-type=application/grpc")]
    [InlineData("405", ":method=HEAD", "x=no content-type")]
    [InlineData("415", ":method=POST", "content-type=application/json")]
    [InlineData("415", ":method=POST", "content-type=application/grpc-web+proto")]
    [InlineData("415", ":method=POST", "content-type=")]
    [InlineData("415", ":method=POST", "x=no content-type")]
    public async Task Row25_A_request_that_is_not_grpc_is_refused_in_http(string status, string method, string contentType)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        for (int i = 0; i < 3; i++)
        {
            int id = attacked.NextId();
            await attacked.Attacker.HeadersAsync(id, endStream: i == 2, method, ":scheme=http", ":path=/test/Unary", contentType);
            if (i < 2)
            {
                await Bulk.SendAsync(attacked.Attacker, id, new byte[i * 2_000_000]); // is thrown away and credited
                await attacked.Attacker.AssertNothingOnAsync(id);
                await attacked.Attacker.DataAsync(id, [1], endStream: true);
            }

            RawResponse response = await attacked.Attacker.ResponseAsync(id);
            Assert.Equal((status, null), (response.Head[":status"], response.Status));
        }

        await attacked.AssertUnharmedAsync("is no gRPC request");
        Assert.Equal(3, attacked.Server.Service.Calls.Count); // the sound ones
    }

    /// <summary>Row 26: RFC 9113 section 8.1.1.</summary>
    [Theory]
    [InlineData("5")]
    [InlineData("7")]
    [InlineData("-1")]
    [InlineData("six")]
    [InlineData("6,6")]
    [InlineData("99999999999999999999")]
    public async Task Row26_A_content_length_that_differs_from_the_data_is_a_protocol_error_of_its_stream(string length)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            ErrorCode.ProtocolError,
            "section 8.1.1)",
            async (client, id) =>
            {
                await client.RequestAsync(id, "Unary", "content-length=" + length);
                await client.DataAsync(id, RawClient.Message(1), endStream: true);
            });
    }

    /// <summary>Row 22, our own user's line breaks: refused where the handler sends them.</summary>
    [Theory]
    [InlineData("a\r\nb: c")]
    [InlineData("a\nb")]
    [InlineData("a\rb")]
    [InlineData("a\0b")]
    [InlineData("h\u00e9")]
    public async Task Row22_Response_headers_of_a_handler_that_cannot_be_sent_are_an_argument_exception(string value)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        ArgumentException? thrown = null;
        attacked.Server.Service.Spread = async (_, responses, context) =>
        {
            thrown = await Assert.ThrowsAsync<ArgumentException>(() => context.WriteResponseHeadersAsync(new Metadata { { "k", value } }));
            await responses.WriteAsync([1]);
        };
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Spread");
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        RawResponse response = await attacked.Attacker.ResponseAsync(id);
        Assert.Equal("0", response.Status);
        Assert.Null(response.Head["k"]);
        Assert.Contains("'k'", thrown!.Message, StringComparison.Ordinal);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 22: trailers are looked at when the handler has returned, so its call fails; status details are percent-encoded.</summary>
    [Theory]
    [InlineData("Unary")]
    [InlineData("Spread")]
    public async Task Row22_Trailers_of_a_handler_that_cannot_be_sent_fail_its_call(string method)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        attacked.Server.Service.Unary = (request, context) =>
        {
            context.ResponseTrailers.Add("k", "a\r\nb: c");
            return Task.FromResult(request);
        };
        attacked.Server.Service.Spread = (_, _, context) =>
        {
            context.ResponseTrailers.Add("k", "a\r\nb: c");
            return Task.CompletedTask;
        };
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, method);
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        RawResponse response = await attacked.Attacker.ResponseAsync(id);
        Assert.Equal(("2", "The handler set trailers that can't be sent."), (response.Status, response.Message));
        Assert.Null(response.Last["k"]);
        Assert.Contains(attacked.Server.Log.Lines, line => line.StartsWith("Error: The trailers of /test/" + method, StringComparison.Ordinal));
    }

    [Fact]
    public async Task Row22_A_status_detail_is_escaped()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        attacked.Server.Service.Unary = (_, _) => throw new RpcException(new Status(StatusCode.NotFound, "a\r\nb: c\0"));
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary");
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        Assert.Equal("a%0D%0Ab: c%00", (await attacked.Attacker.ResponseAsync(id)).Head["grpc-message"]);
    }

    private sealed class CountingInterceptor : Interceptor
    {
        public int Count { get; private set; }

        public override Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
            TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
        {
            Count++;
            return continuation(request, context);
        }
    }
}
