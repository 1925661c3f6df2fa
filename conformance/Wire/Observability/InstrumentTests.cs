using System.Diagnostics.Metrics;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>gRFC A66: the instruments, their units and their buckets.</summary>
public class InstrumentTests
{
    private static readonly double[] s_latencies =
    [
        0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.013, 0.016, 0.02, 0.025,
        0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 2, 5, 10, 20, 50, 100,
    ];

    private static readonly long[] s_sizes =
        [0, 1024, 2048, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864, 268435456, 1073741824, 4294967296];

    [Theory]
    [InlineData("grpc.client.attempt.started", "{attempt}")]
    [InlineData("grpc.server.call.started", "{call}")]
    public async Task What_was_started_is_a_counter(string name, string unit)
    {
        Counter<long> counter = Assert.IsType<Counter<long>>(await FindAsync(name));
        Assert.Equal(unit, counter.Unit);
    }

    [Theory]
    [InlineData("grpc.client.attempt.duration")]
    [InlineData("grpc.client.call.duration")]
    [InlineData("grpc.server.call.duration")]
    public async Task Durations_are_histograms_in_seconds_with_latency_buckets(string name)
    {
        Histogram<double> histogram = Assert.IsType<Histogram<double>>(await FindAsync(name));
        Assert.Equal("s", histogram.Unit);
        Assert.Equal(s_latencies, histogram.Advice?.HistogramBucketBoundaries);
    }

    [Theory]
    [InlineData("grpc.client.attempt.sent_total_compressed_message_size")]
    [InlineData("grpc.client.attempt.rcvd_total_compressed_message_size")]
    [InlineData("grpc.server.call.sent_total_compressed_message_size")]
    [InlineData("grpc.server.call.rcvd_total_compressed_message_size")]
    public async Task Sizes_are_histograms_in_bytes_with_size_buckets(string name)
    {
        Histogram<long> histogram = Assert.IsType<Histogram<long>>(await FindAsync(name));
        Assert.Equal("By", histogram.Unit);
        Assert.Equal(s_sizes, histogram.Advice?.HistogramBucketBoundaries);
    }

    private static async Task<Instrument> FindAsync(string name)
    {
        await using Watched watched = await new Watched().StartAsync(); // instruments are there with the first call
        await watched.CallAsync();
        await watched.MeasuredAsync("grpc.server.call.duration");
        List<Instrument> found = [];
        using MeterListener listener = new() { InstrumentPublished = (instrument, _) => found.Add(instrument) };
        listener.Start();
        Instrument instrument = Assert.Single(found, one => one.Name == name);
        Assert.Equal("MiniGrpc", instrument.Meter.Name);
        Assert.Equal(Watched.Version, instrument.Meter.Version);
        Assert.NotEqual("", instrument.Description);
        return instrument;
    }
}
