using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>RFC 9113 sections 6.9 and 8.1 on a client: responses that break a rule of HTTP/2 end alone.</content>
public partial class Responses
{
    /// <summary>RFC 9113 section 8.1.1: a malformed response is a stream error PROTOCOL_ERROR; the connection goes on.</summary>
    [Theory]
    [InlineData("8.1", "DATA before HEADERS")]
    [InlineData("8.1", "interim response that ends")]
    [InlineData("8.3.2", "no status")]
    [InlineData("8.3", "field of requests")]
    [InlineData("8.1", "pseudo-header field in trailers")]
    [InlineData("8.1", "trailers without end")]
    [InlineData("8.1.1", "content-length too short")]
    [InlineData("8.1.1", "content-length is no number")]
    [Requirement("9113-8.1-2")]
    [Requirement("9113-8.1-5")]
    [Requirement("9113-8.1-6")]
    [Requirement("9113-8.1-7")]
    [Requirement("9113-8.1.1-1")]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.1.1-5")]
    [Requirement("9113-8.3-4")]
    [Requirement("9113-8.3.2-2")]
    public Task A_malformed_response_resets_its_stream(string section, string what) => FailsAsync(
        StatusCode.Internal,
        $"section {section})",
        async (server, id) =>
        {
            await server.SendAsync(o =>
            {
                string[] headers = what switch
                {
                    "interim response that ends" => [":status=100"],
                    "no status" => ["content-type=application/grpc"],
                    "field of requests" => [.. RawServer.Headers200[..1], ":path=/"],
                    "content-length too short" => [.. RawServer.Headers200, "content-length=5"],
                    "content-length is no number" => [.. RawServer.Headers200, "content-length=five"],
                    _ => RawServer.Headers200,
                };
                if (what != "DATA before HEADERS")
                {
                    server.Headers(o, id, endStream: what == "interim response that ends", headers);
                }

                if (what is "DATA before HEADERS" or "content-length too short")
                {
                    DataFrame.Write(o, id, RawClient.Message(1), endStream: false);
                }

                if (what == "pseudo-header field in trailers")
                {
                    server.Headers(o, id, endStream: true, ":status=200", "grpc-status=0");
                }

                if (what == "trailers without end")
                {
                    server.Headers(o, id, endStream: false, s_ok);
                }
            });
            await server.ExpectResetAsync(id, ErrorCode.ProtocolError);
        });

    /// <summary>The frame that breaks the rule may be the one that closes the stream: there is nothing to reset, but the call must end.</summary>
    [Theory]
    [InlineData("8.1.1", "trailers")]
    [InlineData("8.1.1", "data")]
    [InlineData("8.1.1", "headers")]
    [InlineData("6.9.1", "window")]
    [Requirement("9113-8.1.1-1")]
    [Requirement("9113-8.1.1-5")]
    public Task A_malformed_end_of_a_response_fails_the_call(string section, string what) => FailsAsync(
        StatusCode.Internal,
        $"section {section})",
        async (server, id) =>
        {
            string[] headers = what == "window" ? RawServer.Headers200 : [.. RawServer.Headers200, "content-length=100"];
            await server.HeadersAsync(id, endStream: what == "headers", headers);
            if (what == "window")
            {
                await server.RoundTripAsync();
                byte[] data = RawClient.Message(new byte[16_384 - 5]); // a second message: nobody waits for it
                for (int left = new ReceiveLimits().StreamWindow; left > 0; left -= data.Length)
                {
                    await server.DataAsync(id, data);
                }
            }

            if (what is "data" or "window")
            {
                await server.DataAsync(id, RawClient.Message(1), endStream: true);
            }
            else if (what == "trailers")
            {
                await server.DataAsync(id, RawClient.Message(1));
                await server.HeadersAsync(id, endStream: true, s_ok);
            }
        },
        streaming: what == "window");

    /// <summary>RFC 9113 section 6.9.1: DATA beyond the window of its stream.</summary>
    [Fact]
    public Task Data_beyond_the_window_of_the_stream_resets_the_stream() => FailsAsync(
        StatusCode.Internal,
        "section 6.9.1)",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await server.RoundTripAsync();
            byte[] data = RawClient.Message(new byte[16_384 - 5]);
            for (int left = new ReceiveLimits().StreamWindow; left > 0; left -= data.Length)
            {
                await server.DataAsync(id, data);
            }

            await server.DataAsync(id, [1]);
            await server.ExpectResetAsync(id, ErrorCode.FlowControlError);
        },
        streaming: true);

    [Fact]
    public Task A_window_update_that_overflows_resets_the_stream() => FailsAsync(
        StatusCode.Internal,
        "section 6.9.1)",
        async (server, id) =>
        {
            await server.SendAsync(o => WindowUpdateFrame.Write(o, id, int.MaxValue));
            await server.ExpectResetAsync(id, ErrorCode.FlowControlError);
        });

    [Fact]
    public Task A_window_update_of_zero_resets_the_stream() => FailsAsync(
        StatusCode.Internal,
        "section 6.9)",
        async (server, id) =>
        {
            await server.SendAsync(o => WindowUpdateFrame.Write(o, id, 0));
            await server.ExpectResetAsync(id, ErrorCode.ProtocolError);
        });
}
