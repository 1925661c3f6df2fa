using System.Diagnostics.Metrics;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Counts the fields that are left out of metadata, in the whole process, while it lives.</summary>
internal sealed class SkippedFields : IDisposable
{
    private readonly MeterListener _listener;
    private long _count;

    public SkippedFields()
    {
        _listener = new MeterListener
        {
            InstrumentPublished = static (instrument, listener) =>
            {
                if (instrument.Name == "minigrpc.metadata.skipped")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        _listener.SetMeasurementEventCallback<long>((_, value, _, _) => Interlocked.Add(ref _count, value));
        _listener.Start();
    }

    public long Count => Volatile.Read(ref _count);

    public void Dispose() => _listener.Dispose();
}
