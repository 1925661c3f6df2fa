using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 section 7 on a server: a code says why something ends, and an unknown one says no less.</summary>
public class Section7_ErrorCodes
{
    /// <summary>RFC 9113 section 7: unknown codes trigger no special behaviour.</summary>
    [Theory]
    [InlineData(0x00u)]
    [InlineData(0x08u)]
    [InlineData(0x0eu)]
    [InlineData(0xdeadbeefu)]
    [Requirement("9113-7-1")]
    [Requirement("grpc-errors-2")]
    [Requirement("grpc-errors-7")]
    public async Task A_reset_with_any_code_cancels_its_call_alone(uint code)
    {
        await using var server = new TestServer();
        Task started = server.Service.HoldCollect();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await RawPeer.Within(started, "the handler to start");
        await client.SendAsync(o => RstStreamFrame.Write(o, 1, (ErrorCode)code));
        await client.AssertWorksAsync(3);
        await client.AssertNothingOnAsync(1);
        await server.AssertQuietAsync(client);
    }

    [Theory]
    [InlineData(0x0eu)]
    [InlineData(0xdeadbeefu)]
    [Requirement("9113-7-1")]
    public async Task A_goaway_with_an_unknown_code_leaves_the_calls_alone(uint code)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o => GoAwayFrame.Write(o, 0, (ErrorCode)code));
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await server.AssertQuietAsync(client);
    }
}
