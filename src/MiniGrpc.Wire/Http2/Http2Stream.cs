namespace MiniGrpc.Wire.Http2;

/// <summary>
/// One stream of a connection (RFC 9113 section 5): its identifier, its state, and the two halves that different
/// threads drive. What a call makes of it stands in the derived classes.
/// </summary>
/// <remarks>
/// Threading: members under "inbound half" belong to the receive loop, members under "outbound half" to the send gate.
/// <see cref="State"/> alone is shared: it changes by compare-and-swap, and whoever moves it to closed retires the stream.
/// </remarks>
internal abstract class Http2Stream
{
    /// <summary>The stream's state (section 5.1), shared by both halves.</summary>
    internal AtomicStreamState State;

    // ---- outbound half: the send gate ----

    /// <summary>What the peer lets us send on this stream (section 5.2).</summary>
    internal SendWindow SendWindow;

    /// <summary>Message octets that were accepted from the writer and are not yet in the output buffer.</summary>
    internal SendQueue SendQueue;

    /// <summary>The stream identifier (section 5.1.1); 0 until a client's stream is opened.</summary>
    internal int Id { get; set; }

    /// <summary>Whether this stream stands in the <see cref="WriteScheduler"/>.</summary>
    internal bool IsReady { get; set; }

    /// <summary>The stream after this one in the <see cref="WriteScheduler"/>.</summary>
    internal Http2Stream? NextReady { get; set; }

    /// <summary>Whether END_STREAM follows the last octet of the queue.</summary>
    internal bool EndQueued { get; set; }

    /// <summary>Trailers that follow the last octet of the queue: the constant part.</summary>
    internal PreparedFields? QueuedTrailersPrepared { get; set; }

    /// <summary>Trailers that follow the last octet of the queue: the part of this call. Owned by the gate once set.</summary>
    internal HeaderList? QueuedTrailers { get; set; }

    /// <summary>Whether a writer waits until the queue is short enough to take more.</summary>
    internal bool WriterWaits { get; set; }

    /// <summary>The stream opened before this one that the receive loop has not yet put into its table (client only).</summary>
    internal Http2Stream? NextOpened { get; set; }

    // ---- inbound half: the receive loop ----

    /// <summary>Whether the (final) header list of the request or response has come in, so that the next one is trailers.</summary>
    internal bool HeadersReceived { get; set; }

    /// <summary>The peer's content-length, or -1 (RFC 9113 section 8.1.1: the DATA must add up to it).</summary>
    internal long DeclaredLength { get; set; } = -1;

    /// <summary>The DATA octets that have come in, padding left out.</summary>
    internal long ReceivedLength { get; set; }

    // ---- crossing from the gate to the receive loop ----

    /// <summary>Whether we closed this stream by RST_STREAM, so that frames still in flight for it are to be ignored.</summary>
    internal bool WasResetByUs { get; set; }

    // ---- whoever holds it ----

    /// <summary>The stream below this one in the <see cref="StreamStack"/> that it stands in.</summary>
    internal Http2Stream? NextInStack { get; set; }

    /// <summary>Where a request is decoded to; null for a stream that copies what it needs of the list it is shown.</summary>
    internal virtual HeaderList? RequestFields => null;

    /// <summary>
    /// The header list of the request or of the final response has come in. Like the other reports of the inbound half it is
    /// called on the receive loop and must not run user code; an error returned is a stream error.
    /// </summary>
    internal abstract ProtocolError? OnHeaders(HeaderList fields, bool endStream);

    /// <summary>The header list after the message octets has come in; the peer's half has ended.</summary>
    internal abstract ProtocolError? OnTrailers(HeaderList fields);

    /// <summary>Message octets have come in; <paramref name="padding"/> counts what the frame took from the windows besides.</summary>
    internal abstract ProtocolError? OnData(ReadOnlySpan<byte> data, int padding, bool endStream);

    /// <summary>The peer has reset the stream.</summary>
    internal abstract void OnReset(ErrorCode code);

    /// <summary>The peer has broken a rule, and we have reset the stream.</summary>
    internal abstract void OnStreamError(ProtocolError error);

    /// <summary>The connection has ended, and with it the stream.</summary>
    internal abstract void OnConnectionEnded(string reason);

    /// <summary>The peer has said that it has not processed the stream, and won't: it ends the connection (section 6.8).</summary>
    internal virtual void OnUnprocessed(string reason) => OnConnectionEnded(reason);

    /// <summary>The queue has become short enough: wake the writer. Called under the send gate: must not run user code.</summary>
    internal abstract void OnSendCapacity();

    /// <summary>The stream is closed, and the receive loop has done with it: the last report of all.</summary>
    internal virtual void OnForgotten()
    {
    }

    /// <summary>
    /// Makes an idle stream of a closed one that nobody holds any more. Under the gate: whoever moved the last octets of the
    /// call before has left it by then.
    /// </summary>
    internal virtual void Renew()
    {
        System.Diagnostics.Debug.Assert(State.Current == StreamState.Closed && SendQueue.Length == 0 && !IsReady, "it was closed, and is forgotten");
        State = default;
        Id = 0;
        EndQueued = false;
        QueuedTrailersPrepared = null;
        HeadersReceived = false;
        DeclaredLength = -1;
        ReceivedLength = 0;
        WasResetByUs = false;
    }
}
