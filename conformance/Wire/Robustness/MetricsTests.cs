using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Observability;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>What is defended shows in metrics: the meter MiniGrpc. All connections of the process use it, so these tests run alone.</summary>
[Collection(nameof(Alone))]
public class MetricsTests
{
    private static readonly (SettingId, uint)[] s_fourSettings = [.. Enumerable.Repeat((SettingId.InitialWindowSize, 1u), 4)];

    private readonly ConcurrentQueue<(string Name, long Value, string Tags)> _measured = new();
    private readonly FakeTimeProvider _time = new();
    private readonly LogLines _log = new();

    [Fact]
    public async Task A_limit_that_was_passed_is_counted_by_its_name()
    {
        using MeterListener listener = Listen();
        await using (var server = new TestServer(options => options.AbuseLimits = new AbuseLimits { SettingsEntries = 3 }))
        {
            RawClient client = await server.StartAsync();
            await client.SendAsync(o => SettingsFrame.Write(o, s_fourSettings));
            await client.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, 0, "10.5");
        }

        AssertPassedOnce("role=server limit=SettingsEntries");
        Assert.Contains(("minigrpc.protocol_errors", 1, "role=server scope=connection code=ENHANCE_YOUR_CALM"), _measured);
        Assert.Contains(("minigrpc.connections.active", 1, "role=server"), _measured);
        Assert.Contains(("minigrpc.connections.active", -1, "role=server"), _measured);
    }

    [Fact]
    public async Task A_limit_that_a_server_has_passed_is_counted_for_the_client()
    {
        using MeterListener listener = Listen();
        await using (var channel = new TestChannel(options => options.AbuseLimits = new AbuseLimits { SettingsEntries = 3 }))
        {
            Task call = channel.Unary([1]).ResponseAsync;
            RawServer server = await channel.StartAsync();
            await server.RequestAsync(1);
            await server.SendAsync(o => SettingsFrame.Write(o, s_fourSettings));
            await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "limit SettingsEntries");
        }

        AssertPassedOnce("role=client limit=SettingsEntries");
        Assert.Contains(("minigrpc.protocol_errors", 1, "role=client scope=connection code=ENHANCE_YOUR_CALM"), _measured);
    }

    /// <summary>The smaller excess costs the call, the larger one the connection; so does a block that is too long before it is decoded.</summary>
    [Theory]
    [InlineData("MaxHeaderListSize", 1, 5000, true)]
    [InlineData("MaxHeaderListSize", 1, 17_000, false)]
    [InlineData("MaxHeaderListSize", 1, 30_000, false)]
    [InlineData("MaxHeaderFields", 20, 1, true)]
    [InlineData("MaxHeaderFields", 50, 1, false)]
    public async Task A_header_list_that_is_too_large_is_counted_by_the_limit_it_passes(string limit, int fields, int octets, bool isOfTheCall)
    {
        using MeterListener listener = Listen();
        await using (var server = new TestServer(options => (options.MaxHeaderListSize, options.MaxHeaderFields) = (4000, 10)))
        {
            RawClient client = await server.StartAsync();
            string[] more = [.. Enumerable.Range(0, fields).Select(i => $"x{i}={new string('a', octets)}")];
            await client.HeadersAsync(1, endStream: true, RawClient.RequestFields("Unary", more));
            if (isOfTheCall)
            {
                await client.ExpectAsync("the end of the call", 1, frame => frame.Type is FrameType.Headers or FrameType.RstStream);
            }
            else
            {
                await client.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, octets == 30_000 ? 0 : 1, "10.5.1");
            }

            await server.Log.FindAsync(line => line.Contains($"(limit {limit})", StringComparison.Ordinal), "the log to name the limit");
        }

        AssertPassedOnce($"role=server limit={limit}");
    }

    [Fact]
    public async Task A_client_that_never_begins_is_counted()
    {
        using MeterListener listener = Listen();
        await using (var server = new TestServer(options => options.TimeProvider = _time))
        {
            RawClient client = server.Connect();
            await client.SendAsync(ConnectionPreface.Octets[..3].ToArray());
            _time.Advance(TimeSpan.FromSeconds(10));
            await client.ExpectEndAsync();
            await server.Log.FindAsync(line => line.Contains("within 10 s (limit HandshakeTimeout)", StringComparison.Ordinal), "the log to name the limit");
        }

        AssertPassedOnce("role=server limit=HandshakeTimeout");
    }

    [Fact]
    public async Task A_server_that_never_begins_is_counted()
    {
        using MeterListener listener = Listen();
        await using (var channel = new TestChannel(options => (options.TimeProvider, options.LoggerFactory) = (_time, _log.Factory)))
        {
            Task call = channel.Unary([1]).ResponseAsync;
            RawServer server = await channel.AcceptAsync();
            await server.ExpectPrefaceAsync();
            _time.Advance(TimeSpan.FromSeconds(20));
            await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "sent no HTTP/2 preface and SETTINGS within 20 s (limit ConnectTimeout)");
            await server.ExpectEndAsync();
        }

        Assert.Single(_log.Lines, line => line.Contains("limit ConnectTimeout", StringComparison.Ordinal));
        AssertPassedOnce("role=client limit=ConnectTimeout");
    }

    [Fact]
    public async Task Peers_that_answer_no_keepalive_ping_are_counted_on_both_ends()
    {
        using MeterListener listener = Listen();
        await using (var channel = new TestChannel(options =>
            (options.TimeProvider, options.KeepAlivePingDelay, options.KeepAlivePingTimeout) = (_time, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(7))))
        {
            Task call = channel.Unary([1]).ResponseAsync;
            RawServer peer = await channel.StartAsync();
            await peer.RequestAsync(1);
            await peer.RoundTripAsync();
            _time.Advance(TimeSpan.FromMinutes(1));
            await peer.ExpectAsync(FrameType.Ping);
            _time.Advance(TimeSpan.FromSeconds(7));
            await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "did not answer a keepalive PING within 7 s (limit KeepAlivePingTimeout)");
        }

        AssertPassedOnce("role=client limit=KeepAlivePingTimeout");
        await using (var server = new TestServer(options =>
            (options.TimeProvider, options.KeepAlivePingDelay, options.KeepAlivePingTimeout) = (_time, TimeSpan.FromMinutes(1), TimeSpan.FromSeconds(7))))
        {
            RawClient peer = await server.StartAsync();
            await peer.RequestAsync(1, "Collect");
            await peer.RoundTripAsync();
            _time.Advance(TimeSpan.FromMinutes(1));
            await peer.ExpectAsync(FrameType.Ping);
            _time.Advance(TimeSpan.FromSeconds(7));
            await peer.ExpectEndAsync();
        }

        AssertPassedOnce("role=server limit=KeepAlivePingTimeout");
    }

    [Fact]
    public async Task Resets_refused_connections_and_stream_errors_are_counted()
    {
        using MeterListener listener = Listen();
        await using (var server = new TestServer(options => options.MaxConnections = 1))
        {
            RawClient client = await server.StartAsync();
            await client.RequestAsync(1, "Collect");
            await client.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.InadequateSecurity));
            await client.RequestAsync(3, "Collect");
            await client.SendAsync(o => WindowUpdateFrame.Write(o, 3, int.MaxValue));
            await client.ExpectResetAsync(3, ErrorCode.FlowControlError);
            await server.Connect().ExpectEndAsync();
        }

        Assert.Contains(("minigrpc.streams.reset", 1, "role=server code=INADEQUATE_SECURITY"), _measured);
        Assert.Contains(("minigrpc.protocol_errors", 1, "role=server scope=stream code=FLOW_CONTROL_ERROR"), _measured);
        Assert.Contains(("minigrpc.connections.refused", 1, ""), _measured);
    }

    private void AssertPassedOnce(string tags) => Assert.Single(_measured, one => one == ("minigrpc.limits.exceeded", 1, tags));

    private MeterListener Listen()
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "MiniGrpc")
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) =>
            _measured.Enqueue((instrument.Name, value, string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}")))));
        listener.Start();
        return listener;
    }
}
