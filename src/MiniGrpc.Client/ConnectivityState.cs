namespace MiniGrpc.Client;

/// <summary>The state of a channel, or of one of its subchannels (gRPC's connectivity semantics).</summary>
public enum ConnectivityState
{
    /// <summary>There is no connection, and none is tried: a call, or a request to connect, will.</summary>
    Idle,

    /// <summary>A connection is being made. Calls wait for it.</summary>
    Connecting,

    /// <summary>There is a connection for calls.</summary>
    Ready,

    /// <summary>Connecting has failed and is tried again after a wait. Calls fail at once, unless they wait for ready.</summary>
    TransientFailure,

    /// <summary>The channel was closed. It stays so.</summary>
    Shutdown,
}
