using System.Text;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 section 3.4 on a server: how a connection starts, and what becomes of one that starts with something else.</summary>
public class Section3_4_ConnectionPreface
{
    [Fact]
    [Requirement("7541-2.2-1")]
    [Requirement("9113-3.3-2")]
    [Requirement("9113-3.4-2")]
    [Requirement("9113-3.4-3")]
    [Requirement("9113-6.5-1")]
    public async Task A_connection_starts_with_the_settings_of_both_ends_and_serves_calls()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_preface_that_comes_octet_by_octet_is_a_preface()
    {
        await using var server = new TestServer();
        RawClient client = server.Connect();
        byte[] octets = [.. ConnectionPreface.Octets, 0, 0, 0, 4, 0, 0, 0, 0, 0];
        foreach (byte octet in octets)
        {
            await client.SendAsync(new[] { octet });
        }

        await client.ExpectAsync(FrameType.Settings);
        await client.ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await client.AssertWorksAsync(1);
    }

    /// <summary>RFC 9113 section 3.4: the preface is followed by a SETTINGS frame; anything else is a PROTOCOL_ERROR.</summary>
    [Fact]
    [Requirement("9113-3.4-4")]
    public async Task A_first_frame_other_than_settings_is_a_protocol_error()
    {
        await using var server = new TestServer();
        RawClient client = server.Connect();
        await client.SendAsync(ConnectionPreface.Octets.ToArray());
        await client.SendAsync(o => PingFrame.Write(o, isAck: false, 1));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 0, "3.4");
        await server.AssertEndedAsync();
    }

    [Fact]
    [Requirement("9113-3.4-4")]
    public async Task An_acknowledgement_is_no_first_settings_frame()
    {
        await using var server = new TestServer();
        RawClient client = server.Connect();
        await client.SendAsync(ConnectionPreface.Octets.ToArray());
        await client.SendAsync(SettingsFrame.WriteAck);
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 0, "3.4");
    }

    [Fact]
    public async Task A_request_of_http_1_gets_an_answer_that_its_user_can_read()
    {
        await using var server = new TestServer();
        RawClient client = server.Connect();
        await client.SendAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"));
        string answer = Encoding.ASCII.GetString(await client.ReadToEndAsync());
        string[] parts = answer.Split("\r\n\r\n");
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", answer, StringComparison.Ordinal);
        Assert.Contains("HTTP/2", parts[1], StringComparison.Ordinal);
        Assert.Contains($"Content-Length: {parts[1].Length}\r\n", parts[0] + "\r\n", StringComparison.Ordinal);
        Assert.Contains(server.Log.Lines, line => line.Contains("HTTP/1.x request", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_tls_handshake_on_a_plaintext_port_is_named_in_the_log()
    {
        await using var server = new TestServer();
        RawClient client = server.Connect();
        await client.SendAsync(new byte[] { 22, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3 });
        Assert.Empty(await client.ReadToEndAsync());
        Assert.Contains(server.Log.Lines, line => line.Contains("TLS handshake", StringComparison.Ordinal));
    }

    [Fact]
    [Requirement("9113-3.4-4")]
    public async Task Anything_else_ends_the_connection()
    {
        await using var server = new TestServer();
        RawClient client = server.Connect();
        await client.SendAsync(Encoding.ASCII.GetBytes("SSH-2.0-OpenSSH_9.6\r\n"));
        Assert.Empty(await client.ReadToEndAsync());
        Assert.Contains(server.Log.Lines, line => line.Contains("neither HTTP/2 nor TLS nor HTTP/1.x", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData(24)]
    public async Task A_peer_that_does_not_finish_its_part_of_the_start_is_given_up(int octets)
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = server.Connect();
        await client.SendAsync(ConnectionPreface.Octets[..octets].ToArray());
        time.Advance(TimeSpan.FromSeconds(9.9));
        Assert.Single(Internals.ConnectionsOf(server.Core));
        time.Advance(TimeSpan.FromSeconds(0.2));
        await client.ExpectEndAsync();
        await server.AssertEndedAsync();
        Assert.Contains(server.Log.Lines, line => line.Contains("within 10 s", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_peer_that_has_said_its_part_is_not_given_up()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        await client.RoundTripAsync();
        time.Advance(TimeSpan.FromHours(1));
        await client.AssertWorksAsync(1);
    }
}
