using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>What a connection is given by the server or channel that owns it.</summary>
internal sealed record ConnectionOptions
{
    /// <summary>What the peer is allowed.</summary>
    public ReceiveLimits Limits { get; init; } = new();

    /// <summary>Where handlers, wakes and flushes run.</summary>
    public IDispatcher Dispatcher { get; init; } = ThreadPoolDispatcher.Instance;

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where the cause of every connection's end is said.</summary>
    public ILogger Logger { get; init; } = NullLogger.Instance;

    /// <summary>Takes the frames of the wire trace; null for no trace.</summary>
    public Action<WireFrame>? WireTrace { get; init; }

    /// <summary>When to ask whether the peer is still there.</summary>
    public KeepAliveOptions KeepAlive { get; init; } = KeepAliveOptions.Off;

    /// <summary>How long a peer may take to say its part of the connection's start before it is given up.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
