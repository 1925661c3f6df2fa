using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>What is defended shows in metrics: the meter MiniGrpc.</summary>
public class MetricsTests
{
    private readonly ConcurrentQueue<(string Name, long Value, string Tags)> _measured = new();

    [Fact]
    public async Task A_limit_that_was_passed_is_counted_by_its_name()
    {
        using MeterListener listener = Listen();
        await using (var server = new TestServer(options => options.AbuseLimits = new AbuseLimits { SettingsEntries = 3 }))
        {
            RawClient client = await server.StartAsync();
            await client.SendAsync(o => SettingsFrame.Write(o, [.. Enumerable.Repeat((SettingId.InitialWindowSize, 1u), 4)]));
            await client.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, 0, "10.5");
        }

        Assert.Contains(("minigrpc.limits.exceeded", 1, "role=server limit=SettingsEntries"), _measured);
        Assert.Contains(("minigrpc.protocol_errors", 1, "role=server scope=connection code=ENHANCE_YOUR_CALM"), _measured);
        Assert.Contains(("minigrpc.connections.active", 1, "role=server"), _measured);
        Assert.Contains(("minigrpc.connections.active", -1, "role=server"), _measured);
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
