using System.Diagnostics.Tracing;

namespace MiniGrpc.Conformance.Soak.Measure;

/// <summary>
/// How many arrays are rented from the shared pools and not returned, by the events that the pools write. At rest it is what
/// connections and channels keep; a buffer that is forgotten raises it for good.
/// </summary>
/// <remarks>Thread-safe. Counts from its creation on, so a number of its own means nothing, only how it moves.</remarks>
internal sealed class PoolBalance : EventListener
{
    private const string Source = "System.Buffers.ArrayPoolEventSource";
    private const int BufferRented = 1;
    private const int BufferReturned = 3;

    /// <summary>
    /// Smaller arrays don't count. Ours are larger, and SslStream never returns the 32 octets in which it sends close_notify
    /// (.NET 10.0.12: 100 of 100 connections that call ShutdownAsync, none of those that don't); they are collected.
    /// </summary>
    private const int SmallestCounted = 64;

    private long _rented;

    /// <summary>Rented less returned.</summary>
    public long Outstanding => Interlocked.Read(ref _rented);

    /// <inheritdoc />
    protected override void OnEventSourceCreated(EventSource eventSource)
    {
        if (eventSource.Name == Source)
        {
            EnableEvents(eventSource, EventLevel.Verbose);
        }
    }

    /// <inheritdoc />
    protected override void OnEventWritten(EventWrittenEventArgs eventData)
    {
        if (eventData is not { Payload: [_, int size, ..] } || size < SmallestCounted)
        {
            return;
        }

        if (eventData.EventId == BufferRented)
        {
            Interlocked.Increment(ref _rented);
        }
        else if (eventData.EventId == BufferReturned)
        {
            Interlocked.Decrement(ref _rented);
        }
    }
}
