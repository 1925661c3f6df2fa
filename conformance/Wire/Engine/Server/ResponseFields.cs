using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 sections 8.1 to 8.3 and gRPC over HTTP/2, Responses: what our server sends.</summary>
public class ResponseFields
{
    private static readonly Metadata s_metadata = new()
    {
        { "Mixed-Case", "a" },
        { "connection", "close" },
        { "proxy-connection", "close" },
        { "keep-alive", "timeout=5" },
        { "transfer-encoding", "chunked" },
        { "upgrade", "h2c" },
        { "te", "trailers" },
        { "content-length", "3" },
        { "content-type", "text/plain" },
        { "grpc-status", "5" },
        { "spaced", " a  b " },
        { "repeated", "1" },
        { "octets-bin", [0xff, 0, 1, 2] },
        { "repeated", "2" },
    };

    private static readonly string[] s_sent = ["mixed-case=a", "spaced=a  b", "repeated=1", "octets-bin=/wABAg", "repeated=2"];

    /// <summary>Whatever metadata a handler sets, the blocks hold the protocol's own fields once and in order, and then what may be sent.</summary>
    [Fact]
    [Requirement("9113-8.1-4")]
    [Requirement("9113-8.2-1")]
    [Requirement("9113-8.2.1-2")]
    [Requirement("9113-8.2.1-5")]
    [Requirement("9113-8.2.2-1")]
    [Requirement("9113-8.2.2-3")]
    [Requirement("9113-8.3-1")]
    [Requirement("9113-8.3-2")]
    [Requirement("9113-8.3-3")]
    [Requirement("9113-8.3-5")]
    [Requirement("9113-8.3-7")]
    [Requirement("9113-8.3.2-1")]
    [Requirement("grpc-requests-12")]
    [Requirement("grpc-requests-16")]
    [Requirement("grpc-requests-18")]
    [Requirement("grpc-requests-20")]
    [Requirement("grpc-requests-21")]
    [Requirement("grpc-requests-22")]
    [Requirement("grpc-responses-2")]
    [Requirement("grpc-responses-3")]
    public async Task Headers_and_trailers_have_the_protocols_fields_and_what_of_the_metadata_may_be_sent()
    {
        await using var server = new TestServer();
        server.Service.Unary = async (request, context) =>
        {
            await context.WriteResponseHeadersAsync(s_metadata);
            foreach (Metadata.Entry entry in s_metadata)
            {
                context.ResponseTrailers.Add(entry);
            }

            return request;
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal([":status=200", "content-type=application/grpc", .. s_sent], response.Head.Fields);
        Assert.NotNull(response.Trailers);
        Assert.Equal(["grpc-status=0", .. s_sent], response.Trailers.Fields);
        await server.AssertQuietAsync(client);
    }

    /// <summary>gRPC over HTTP/2, Responses: Status-Details is allowed only if Status is not OK.</summary>
    [Theory]
    [InlineData(StatusCode.OK, false)]
    [InlineData(StatusCode.InvalidArgument, true)]
    [Requirement("grpc-responses-11")]
    public async Task Details_of_an_error_are_sent_only_where_there_is_one(StatusCode code, bool sent)
    {
        await using var server = new TestServer();
        server.Service.Unary = (request, context) =>
        {
            context.ResponseTrailers.Add("grpc-status-details-bin", [8, (byte)StatusCode.InvalidArgument]); // a google.rpc.Status with its code
            context.ResponseTrailers.Add("other-bin", [1]);
            context.Status = new Status(code, "");
            return Task.FromResult(request);
        };
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        RawFrame trailers = await client.ExpectAsync("the trailers", 1, frame => frame.Type == FrameType.Headers && frame.EndStream);
        Assert.Equal([$"grpc-status={(int)code}", .. sent ? ["grpc-status-details-bin=CAM"] : Array.Empty<string>(), "other-bin=AQ"], trailers.Fields[^(sent ? 3 : 2)..]);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 8.1 and gRPC over HTTP/2, Responses: HEADERS, DATA, and HEADERS with END_STREAM.</summary>
    [Fact]
    [Requirement("9113-8.1-1")]
    [Requirement("grpc-responses-1")]
    [Requirement("grpc-responses-3")]
    [Requirement("grpc-responses-4")]
    public async Task A_response_is_headers_data_and_trailers_that_end_the_stream()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Spread");
        await client.DataAsync(1, RawClient.Message(1, 2, 3), endStream: true);
        var frames = new List<RawFrame>();
        do
        {
            frames.Add(await client.ExpectAsync("a frame of the response", 1, frame => frame.Type != FrameType.WindowUpdate));
        }
        while (!frames[^1].EndStream);
        Assert.Equal(FrameType.Headers, frames[0].Type);
        Assert.All(frames[1..^1], frame => Assert.Equal(FrameType.Data, frame.Type));
        Assert.Equal([.. RawClient.Message(1), .. RawClient.Message(2), .. RawClient.Message(3)], frames[1..^1].SelectMany(frame => frame.Payload));
        Assert.Equal((FrameType.Headers, "0"), (frames[^1].Type, frames[^1]["grpc-status"]));
        await client.AssertNothingOnAsync(1);
        await server.AssertQuietAsync(client);
    }

    /// <summary>http-grpc-status-mapping.md: the table is not for servers. Any status comes with HTTP status 200, as a plain number.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    [Requirement("grpc-errors-1")]
    [Requirement("grpc-mapping-3")]
    [Requirement("grpc-responses-1")]
    [Requirement("grpc-responses-2")]
    [Requirement("grpc-responses-8")]
    [Requirement("grpc-statuses-1")]
    public async Task Every_status_is_a_number_in_the_trailers_of_an_http_200(bool afterHeaders)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        for (int code = 1; code <= 16; code++)
        {
            server.Service.Unary = async (_, context) =>
            {
                if (afterHeaders)
                {
                    await context.WriteResponseHeadersAsync([]);
                }

                throw new RpcException(new Status((StatusCode)code, "why"));
            };
            int id = (2 * code) - 1;
            await client.RequestAsync(id, "Unary");
            await client.DataAsync(id, RawClient.Message(1), endStream: true);
            RawResponse response = await client.ResponseAsync(id);
            Assert.Equal(("200", "application/grpc"), (response.Head[":status"], response.Head["content-type"]));
            Assert.Equal((code.ToString(System.Globalization.CultureInfo.InvariantCulture), "why"), (response.Status, response.Message));
            Assert.Equal(afterHeaders, response.Trailers is not null);
        }

        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 7541 section 7.1.3: what holds a secret enters no table, and no proxy may put it into one.</summary>
    [Fact]
    [Requirement("7541-7.1.3-1")]
    public async Task A_secret_is_sent_as_a_never_indexed_literal()
    {
        await using var server = new TestServer();
        server.Service.Unary = async (request, context) =>
        {
            await context.WriteResponseHeadersAsync(new Metadata { { "set-cookie", "secret" } });
            return request;
        };
        RawClient client = await server.StartAsync();
        for (int id = 1; id <= 5; id += 2)
        {
            await client.RequestAsync(id, "Unary");
            await client.DataAsync(id, RawClient.Message(1), endStream: true);
            RawFrame head = (await client.ResponseAsync(id)).Head;
            Assert.Equal("secret", head["set-cookie"]);

            // The last field of its block: 0001, the static name 55, which is 15 + 40, and the value in five octets.
            Assert.StartsWith("1f28", Convert.ToHexStringLower(head.Payload.AsSpan(head.Payload.Length - 7)), StringComparison.Ordinal);
        }
    }

    /// <summary>
    /// gRPC over HTTP/2, Errors: a server resets with CANCEL only where the status can't be sent. A client that takes nothing
    /// would never see the trailers behind the responses that it doesn't take.
    /// </summary>
    [Fact]
    [Requirement("grpc-errors-8")]
    [Requirement("grpc-cancellation-3")]
    public async Task A_deadline_that_passes_behind_responses_that_the_client_does_not_take_resets_with_cancel()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        server.Service.Spread = async (_, responses, context) =>
        {
            await responses.WriteAsync(new byte[10]);
            await TestService.UntilCancelledAsync(context);
        };
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, 9));
        await client.RequestAsync(1, "Spread", "grpc-timeout=1S");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.ExpectAsync(FrameType.Headers, 1);
        Assert.Equal(9, (await client.ExpectAsync(FrameType.Data, 1)).Payload.Length);
        await client.AssertNothingOnAsync(1);
        time.Advance(TimeSpan.FromSeconds(1));
        await client.ExpectResetAsync(1, ErrorCode.Cancel);
        await client.AssertNothingOnAsync(1);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    [Requirement("grpc-requests-9")]
    public async Task A_request_without_a_timeout_has_no_deadline()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        Assert.Equal(DateTime.MaxValue, Assert.Single(server.Service.Calls).Deadline);
    }
}
