using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>RFC 9113 section 5.1, "closed": what is late is not found out by a clock.</summary>
public class Section5_1_LateFrames
{
    private static readonly TimeSpan s_long = TimeSpan.FromDays(1);

    [Fact]
    [Requirement("9113-5.1-10")]
    public async Task A_server_takes_frames_for_a_stream_that_it_has_reset_however_late_they_are()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, ":method=POST");
        await client.ExpectResetAsync(1, ErrorCode.ProtocolError);
        time.Advance(s_long);
        await client.DataAsync(1, [1]);
        await client.HeadersAsync(1, endStream: true, "late=x");
        await client.AssertNothingOnAsync(1);
        await client.AssertWorksAsync(3);
    }

    [Fact]
    [Requirement("9113-5.1-10")]
    public async Task A_client_takes_frames_for_a_stream_that_it_has_reset_however_late_they_are()
    {
        var time = new FakeTimeProvider();
        await using var client = new TestChannel(options =>
        {
            options.TimeProvider = time;
            options.IdleTimeout = Timeout.InfiniteTimeSpan;
        });
        AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.StartAsync();
        await server.RequestAsync(1);
        call.Dispose();
        await server.ExpectResetAsync(1, ErrorCode.Cancel);
        time.Advance(s_long);
        await server.ReplyAsync(1, 1);
        await server.AssertNothingOnAsync(1);
        await client.AssertWorksAsync(server, 3);
    }
}
