using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Clients that are slow, silent or gone: every wait for them has an end.</summary>
public class SlowPeersOfTheServer
{
    private static readonly AbuseLimits s_defaults = new();

    private readonly FakeTimeProvider _time = new();

    /// <summary>Row 41, slowloris: an octet a second doesn't move the deadline.</summary>
    [Fact]
    public async Task A_preface_of_an_octet_a_second_is_given_up_after_10_seconds()
    {
        await using TestServer server = Serve();
        RawClient client = server.Connect();
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(server.Core).Length == 1, "the connection");
        for (int second = 0; second < 9; second++)
        {
            await client.SendAsync(ConnectionPreface.Octets.Slice(second, 1).ToArray());
            await Eventually.IsTrueAsync(() => Internals.IsOpen(server.Core), "the server's end of the TLS handshake, where there is one");
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Single(Internals.ConnectionsOf(server.Core));
        _time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(server.Core).Length == 0, "the connection to be given up");
        Assert.Single(server.Log.Lines, line => line.Contains("no HTTP/2 preface and SETTINGS within 10 s", StringComparison.Ordinal));
    }

    /// <summary>Row 42 (RFC 9113 section 6.5.3): SETTINGS that are never acknowledged.</summary>
    [Fact]
    public async Task Settings_that_are_not_acknowledged_in_60_seconds_end_the_connection()
    {
        await using TestServer server = Serve();
        RawClient client = await StartWithoutAcknowledgementAsync(server);
        await client.AssertWorksAsync(1);
        _time.Advance(TimeSpan.FromSeconds(59));
        await client.AssertWorksAsync(3);
        _time.Advance(TimeSpan.FromSeconds(1));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.SettingsTimeout, 3, "6.5.3");
        _time.Advance(TimeSpan.FromSeconds(1));
        await server.AssertEndedAsync();
        Scene.AssertSaidOnce(server.Log, nameof(AbuseLimits.SettingsTimeout));
    }

    /// <summary>
    /// Between the last GOAWAY and the end of the transport a connection takes no responses. A handler that writes one then is cut off, as
    /// it would be a moment later, and the log doesn't call that its mistake.
    /// </summary>
    [Fact]
    public async Task A_response_in_the_last_moment_of_a_connection_is_cut_off()
    {
        await using TestServer server = Serve();
        var goOn = new TaskCompletionSource();
        var outcome = new TaskCompletionSource<Exception?>();
        server.Service.Spread = async (_, responses, _) =>
        {
            await goOn.Task;
            Exception? thrown = await Record.ExceptionAsync(() => responses.WriteAsync([1]));
            outcome.SetResult(thrown);
            throw thrown ?? new InvalidOperationException("the response was taken");
        };
        RawClient client = await StartWithoutAcknowledgementAsync(server);
        await client.RequestAsync(1, "Spread");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 1, "the handler");
        _time.Advance(TimeSpan.FromSeconds(60));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.SettingsTimeout, 1, "6.5.3");
        goOn.SetResult();
        Assert.IsType<OperationCanceledException>(await RawPeer.Within(outcome.Task, "the handler to write"));
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handler to return");
        _time.Advance(TimeSpan.FromSeconds(1));
        await server.AssertEndedAsync();
        Assert.DoesNotContain(server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Settings_that_are_acknowledged_are_not_waited_for()
    {
        await using TestServer server = Serve();
        RawClient client = await server.StartAsync();
        await client.RoundTripAsync();
        _time.Advance(TimeSpan.FromHours(1));
        await client.AssertWorksAsync(1);
    }

    /// <summary>Row 44 (CVE-2016-1546): a window that is never opened. What waits is bounded meanwhile, and the writer waits.</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task A_client_that_never_opens_its_window_is_closed()
    {
        const int Message = 10_000;
        await using TestServer server = Serve();
        RawClient bystander = await server.StartAsync();
        Http2Connection first = Assert.Single(Internals.ConnectionsOf(server.Core));
        WriteWithoutEnd(server, Message);
        RawClient attacker = await server.StartAsync((SettingId.InitialWindowSize, 0));
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core), c => c != first);
        await attacker.RequestAsync(1, "Spread");
        await attacker.DataAsync(1, RawClient.Message(1), endStream: true);
        await attacker.ExpectAsync(FrameType.Headers, 1);
        await Eventually.IsTrueAsync(() => Internals.UnsentOf(connection).Queued > SendSide.StreamQueueCap, "the writer to wait");

        // The stated bound: the cap of the stream and one message, with the prefixes.
        Assert.InRange(Internals.UnsentOf(connection).Queued, 1, SendSide.StreamQueueCap + Message + 100);
        _time.Advance(s_defaults.SendStallTimeout);
        await attacker.RoundTripAsync();
        _time.Advance(s_defaults.SendStallTimeout);
        RawFrame goAway = await attacker.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, 1, "10.5");
        Assert.Contains(nameof(AbuseLimits.SendStallTimeout), goAway.DebugData, StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromSeconds(1));
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handler to return");
        Scene.AssertSaidOnce(server.Log, nameof(AbuseLimits.SendStallTimeout));
        await bystander.AssertWorksAsync(1);
    }

    /// <summary>
    /// Row 44 (CVE-2019-9517): windows wide open, on a connection that is not read. What waits is bounded all the same, beside what the
    /// transport itself has taken.
    /// </summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task A_client_that_opens_its_windows_and_reads_nothing_is_closed()
    {
        const int Message = 10_000;
        await using TestServer server = Serve();
        RawClient bystander = await server.StartAsync();
        Http2Connection first = Assert.Single(Internals.ConnectionsOf(server.Core));
        WriteWithoutEnd(server, Message);
        RawClient attacker = await server.StartAsync((SettingId.InitialWindowSize, int.MaxValue));
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core), c => c != first);
        await attacker.SendAsync(o => WindowUpdateFrame.Write(o, 0, int.MaxValue - 65_535));
        await attacker.RequestAsync(1, "Spread");
        await attacker.DataAsync(1, RawClient.Message(1), endStream: true);
        await attacker.ExpectAsync(FrameType.Headers, 1);
        await Eventually.IsTrueAsync(() => Internals.UnsentOf(connection).Queued > SendSide.StreamQueueCap, "the writer to wait");

        // The stated bound: the cap of the stream and one message, with the prefixes; and what is under way, and is next.
        Assert.InRange(Internals.UnsentOf(connection).Queued, 1, SendSide.StreamQueueCap + Message + 100);
        Assert.InRange(Internals.UnsentOf(connection).Output, 0, SendSide.OutputCapacity + 100);
        await Eventually.IsTrueInTimeAsync(_time, () => Internals.ConnectionsOf(server.Core).Length == 1, "the connection to be closed");
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handler to return");
        Scene.AssertSaidOnce(server.Log, nameof(AbuseLimits.SendStallTimeout));
        await bystander.AssertWorksAsync(1);
    }

    /// <summary>Row 44: also when nothing has been written for so long that nobody was watching.</summary>
    [Fact]
    public async Task A_client_whose_window_stays_shut_after_a_quiet_time_is_closed()
    {
        await using TestServer server = Serve();
        var proceed = new TaskCompletionSource();
        server.Service.Spread = async (_, responses, context) =>
        {
            await context.WriteResponseHeadersAsync([]);
            await proceed.Task;
            await responses.WriteAsync(new byte[100]);
        };
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, 0));
        await client.RequestAsync(1, "Spread");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.ExpectAsync(FrameType.Headers, 1);
        await client.RoundTripAsync();
        _time.Advance(s_defaults.SendStallTimeout); // looks, and finds nothing that waits
        proceed.SetResult();
        await Eventually.IsTrueAsync(() => Internals.UnsentOf(Internals.ConnectionsOf(server.Core)[0]).Queued > 0, "the message to be queued");
        _time.Advance(s_defaults.SendStallTimeout);
        _time.Advance(s_defaults.SendStallTimeout);
        RawFrame goAway = await client.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, 1, "10.5");
        Assert.Contains(nameof(AbuseLimits.SendStallTimeout), goAway.DebugData, StringComparison.Ordinal);
    }

    /// <summary>Row 44: who takes a little now and then is slow, not stalled.</summary>
    [Fact]
    public async Task A_client_that_takes_a_little_now_and_then_is_not_closed()
    {
        await using TestServer server = Serve();
        server.Service.Spread = async (_, responses, _) => await responses.WriteAsync(new byte[100]);
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, 0));
        await client.RequestAsync(1, "Spread");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await client.ExpectAsync(FrameType.Headers, 1);
        await Eventually.IsTrueAsync(() => Internals.UnsentOf(Internals.ConnectionsOf(server.Core)[0]).Queued > 0, "the message to be queued");
        for (int i = 0; i < 105; i++)
        {
            await client.SendAsync(o => WindowUpdateFrame.Write(o, 1, 1));
            await client.ExpectAsync(FrameType.Data, 1);
            _time.Advance(s_defaults.SendStallTimeout);
        }

        Assert.Equal("0", (await client.ExpectAsync(FrameType.Headers, 1))["grpc-status"]);
    }

    /// <summary>Row 44: when the connection as a whole is behind, each stream holds one message at the most.</summary>
    [Fact]
    public async Task What_waits_on_all_streams_together_is_bounded()
    {
        const int Message = 10_000;
        const int Streams = 50;
        await using TestServer server = Serve(s_defaults with { SendQueue = 100_000 });
        WriteWithoutEnd(server, Message);
        RawClient client = await server.StartAsync((SettingId.InitialWindowSize, 0));
        for (int i = 0; i < Streams; i++)
        {
            await client.RequestAsync((2 * i) + 1, "Spread");
            await client.DataAsync((2 * i) + 1, RawClient.Message(1), endStream: true);
            await client.ExpectAsync(FrameType.Headers, (2 * i) + 1);
        }

        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(server.Core));
        await Eventually.IsTrueAsync(() => Internals.WaitingWritersOf(connection) == Streams, "the writers to wait");

        // The stated bound: the connection's cap, and a message of each stream. Without the cap it is 70 KB a stream.
        Assert.InRange(Internals.UnsentOf(connection).Queued, 100_000, 100_000 + (Streams * (Message + 5)));
    }

    /// <summary>Row 45: a client that is gone without a word is found by a PING, if only after a long time.</summary>
    [Fact]
    [Requirement("grpc-connections-6")]
    public async Task A_client_that_does_not_answer_a_keepalive_ping_is_given_up()
    {
        await using TestServer server = Serve();
        Task started = server.Service.HoldUnary();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started, "the handler to start");
        _time.Advance(TimeSpan.FromHours(2));
        await client.ExpectAsync(FrameType.Ping);
        _time.Advance(TimeSpan.FromSeconds(19));
        Assert.Single(Internals.ConnectionsOf(server.Core));
        _time.Advance(TimeSpan.FromSeconds(1));
        await server.AssertEndedAsync();
        Assert.Single(server.Log.Lines, line => line.Contains("keepalive", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_client_that_answers_keepalive_pings_stays()
    {
        await using TestServer server = Serve();
        RawClient client = await server.StartAsync();
        await client.RoundTripAsync();
        for (int i = 0; i < 3; i++)
        {
            _time.Advance(TimeSpan.FromHours(2));
            await client.AnswerAsync(await client.ExpectAsync(FrameType.Ping));
            await client.RoundTripAsync();
            _time.Advance(TimeSpan.FromSeconds(20));
        }

        await client.AssertWorksAsync(1);
    }

    /// <summary>Starts a connection as a client does that never acknowledges SETTINGS.</summary>
    private static async Task<RawClient> StartWithoutAcknowledgementAsync(TestServer server)
    {
        RawClient client = server.Connect();
        await client.SendAsync(ConnectionPreface.Octets.ToArray());
        await client.SendAsync(o => SettingsFrame.Write(o, []));
        await client.ExpectAsync(FrameType.Settings);
        return client;
    }

    private static void WriteWithoutEnd(TestServer server, int octets) => server.Service.Spread = async (_, responses, context) =>
    {
        while (!context.CancellationToken.IsCancellationRequested)
        {
            await responses.WriteAsync(new byte[octets]);
        }
    };

    private TestServer Serve(AbuseLimits? limits = null) => new(options =>
    {
        options.TimeProvider = _time;
        options.AbuseLimits = (limits ?? s_defaults) with { PingStrikes = int.MaxValue };
    });
}
