using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Who reads a log, or a wire trace, in a terminal reads what MiniGrpc has written: a peer's octets make no lines and move no cursor.</summary>
public class LoggedPeers
{
    private const string Forged = "bye\r\nWarning: all is lost \u001b[2J";
    private const string Shown = "GOAWAY NO_ERROR \"bye\\x0d\\x0aWarning: all is lost \\x1b[2J\"";

    [Fact]
    [Requirement("9113-6.8-9")]
    public async Task A_clients_GOAWAY_writes_no_lines_into_the_log()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError, Octets(Forged)));
        await client.CloseOutputAsync();
        await server.Log.FindAsync(line => line.StartsWith("Information: Connection ended", StringComparison.Ordinal) && line.EndsWith(Shown, StringComparison.Ordinal), "the end");
        AssertPlain(server.Log.Lines);
    }

    [Fact]
    [Requirement("9113-6.8-9")]
    public async Task A_servers_GOAWAY_writes_no_lines_into_the_log_nor_into_a_status()
    {
        var log = new LogLines();
        await using var channel = new TestChannel(options => options.LoggerFactory = log.Factory);
        Task<byte[]> call = channel.Unary([1]).ResponseAsync;
        RawServer server = await channel.StartAsync();
        await server.RequestAsync(1);
        await server.SendAsync(o => GoAwayFrame.Write(o, 1, ErrorCode.NoError, Octets(Forged)));
        await server.CloseOutputAsync();
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, Shown);
        await log.FindAsync(line => line.StartsWith("Information: Connection ended", StringComparison.Ordinal) && line.EndsWith(Shown, StringComparison.Ordinal), "the end");
        AssertPlain(log.Lines);
    }

    [Fact]
    [Requirement("9113-6.8-9")]
    public async Task Long_debug_data_are_cut()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.SendAsync(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError, new byte[10_000]));
        string line = await server.Log.FindAsync(line => line.Contains("sent GOAWAY", StringComparison.Ordinal), "GOAWAY");
        Assert.InRange(line.Length, 256, 1200);
    }

    /// <summary>
    /// RFC 9113 section 8.2.1 lets octets from 0x80 on through; read as Latin-1, 0x85 is a line break and 0x9b begins a terminal's command.
    /// </summary>
    [Fact]
    public async Task Fields_are_shown_without_control_characters()
    {
        var traced = new LogLines();
        await using var server = new TestServer(options => options.WireTrace = frame => traced.Log(default, default, frame, null, (f, _) => f.ToString()));
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: true, RawClient.RequestFields("No\u0085Such\u009b2J"));
        Assert.Equal("12", (await client.ResponseAsync(1)).Status);
        await server.Log.FindAsync(line => line.Contains("No\\x85Such\\x9b2J", StringComparison.Ordinal), "the path in the log");
        await traced.FindAsync(line => line.Contains("No\\x85Such\\x9b2J", StringComparison.Ordinal), "the path in the trace");

        // A trace shows fields before they are judged, and a name like that is malformed.
        await client.HeadersAsync(3, endStream: true, RawClient.RequestFields("Unary", "x\u001b[2J=1"));
        await client.ExpectResetAsync(3, ErrorCode.ProtocolError);
        await traced.FindAsync(line => line.Contains("x\\x1b[2J: 1", StringComparison.Ordinal), "the name in the trace");
        AssertPlain(server.Log.Lines);
        AssertPlain(traced.Lines);
    }

    private static byte[] Octets(string text) => System.Text.Encoding.Latin1.GetBytes(text);

    private static void AssertPlain(string[] lines) => Assert.DoesNotContain(lines, line => line.Any(char.IsControl));
}
