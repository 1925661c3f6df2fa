using Grpc.Core;
using MiniGrpc.Wire.Buffers;
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

    /// <summary>RFC 9113 section 8.1.1: content-length is held against all DATA together; no frame is right or wrong by itself. Padding doesn't count.</summary>
    [Theory]
    [InlineData("7", false)]
    [InlineData("12", true)] // the padding too
    [InlineData("14", true)] // and the octets that say how long it is
    [Requirement("9113-8.1.1-1")]
    [Requirement("9113-8.1.1-5")]
    public Task A_response_whose_frames_are_too_short_together_fails_the_call(string length, bool padded) => FailsAsync(
        StatusCode.Internal,
        "section 8.1.1)",
        (server, id) => server.SendAsync(o =>
        {
            server.Headers(o, id, endStream: false, [.. RawServer.Headers200, "content-length=" + length]);
            TwoFrames(o, id, padded);
            server.Headers(o, id, endStream: true, s_ok);
        }));

    /// <summary>RFC 9113 section 8.1.1: what is too long is so at once, before its end.</summary>
    [Theory]
    [InlineData("4", false)] // as long as the last frame
    [InlineData("5", false)]
    [InlineData("5", true)]
    [Requirement("9113-8.1.1-1")]
    [Requirement("9113-8.1.1-4")]
    [Requirement("9113-8.1.1-5")]
    public Task A_response_whose_frames_are_too_long_together_resets_its_stream(string length, bool padded) => FailsAsync(
        StatusCode.Internal,
        "section 8.1.1)",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, "content-length=" + length]);
            await server.SendAsync(o => TwoFrames(o, id, padded));
            await server.ExpectResetAsync(id, ErrorCode.ProtocolError);
        });

    [Fact]
    [Requirement("9113-8.1.1-1")]
    public async Task The_padding_of_a_response_is_no_part_of_its_length()
    {
        await using var client = new TestChannel();
        Task<byte[]> call = client.Unary([1]).ResponseAsync;
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        await server.HeadersAsync(1, endStream: false, [.. RawServer.Headers200, "content-length=6"]);
        await server.SendAsync(o => TwoFrames(o, 1, padded: true));
        await server.HeadersAsync(1, endStream: true, s_ok);
        Assert.Equal([9], await RawPeer.Within(call, "the response"));
        await client.AssertQuietAsync(server);
    }

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

    /// <summary>A message of one octet, 9, in DATA of two octets and of four.</summary>
    private static void TwoFrames(OutputBuffer output, int id, bool padded)
    {
        byte[] message = RawClient.Message(9);
        if (padded)
        {
            DataFrame.Write(output, id, message.AsSpan(0, 2), endStream: false, padLength: 3);
            DataFrame.Write(output, id, message.AsSpan(2), endStream: false, padLength: 3);
        }
        else
        {
            DataFrame.Write(output, id, message.AsSpan(0, 2), endStream: false);
            DataFrame.Write(output, id, message.AsSpan(2), endStream: false);
        }
    }
}
