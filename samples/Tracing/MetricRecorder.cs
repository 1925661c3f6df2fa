using System.Diagnostics.Metrics;
using System.Globalization;

namespace MiniGrpc.Samples.Tracing;

/// <summary>Adds up what is measured by the gRPC instruments of a meter, by instrument and status.</summary>
internal sealed class MetricRecorder : IDisposable
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, (Instrument Instrument, int Count, double Sum)> _sums = new(StringComparer.Ordinal);
    private readonly MeterListener _listener = new();

    public MetricRecorder(string meter)
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            // The meter also counts connections, limits and errors: "minigrpc.…".
            if (instrument.Meter.Name == meter && instrument.Name.StartsWith("grpc.", StringComparison.Ordinal))
            {
                listener.EnableMeasurementEvents(instrument);
            }
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Add(instrument, value, tags));
        _listener.Start();
    }

    public void Print()
    {
        lock (_lock)
        {
            foreach ((string name, (Instrument instrument, int count, double sum)) in _sums)
            {
                // Counters are added up; of histograms the mean is shown, and how many values it is the mean of.
                string value = instrument switch
                {
                    Counter<long> => string.Create(CultureInfo.InvariantCulture, $"{sum} {instrument.Unit}"),
                    _ when instrument.Unit == "s" => string.Create(CultureInfo.InvariantCulture, $"{count} × {1000 * sum / count:F1} ms"),
                    _ => string.Create(CultureInfo.InvariantCulture, $"{count} × {sum / count:F0} bytes"),
                };
                Console.WriteLine($"  {name,-72} {value}");
            }
        }
    }

    public void Dispose() => _listener.Dispose();

    // Called on the thread that measures; it must be quick, and must not call anything that is measured.
    private void Add(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string status = "";
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            status = tag.Key == "grpc.status" ? $" {tag.Value}" : status; // the other labels are grpc.method and grpc.target
        }

        lock (_lock)
        {
            (_, int count, double sum) = _sums.GetValueOrDefault(instrument.Name + status);
            _sums[instrument.Name + status] = (instrument, count + 1, sum + value);
        }
    }
}
