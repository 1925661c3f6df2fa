using System.Diagnostics;

namespace MiniGrpc.Wire.Http2;

/// <summary>What an input does to a stream: the next state, an error of the peer, or a mistake of our own.</summary>
/// <remarks>Three octets, returned in a register: one is made for each frame.</remarks>
internal readonly struct StreamTransition
{
    /// <summary>Entries of the transition table below this are the next state, the others say what is wrong.</summary>
    internal const byte FirstError = 7;

    /// <summary>A frame that never has a place here: a connection error PROTOCOL_ERROR.</summary>
    internal const byte ConnectionProtocolError = 7;

    /// <summary>A frame long after the end: a connection error STREAM_CLOSED.</summary>
    internal const byte ConnectionStreamClosed = 8;

    /// <summary>A frame after the end: a stream error STREAM_CLOSED.</summary>
    internal const byte StreamStreamClosed = 9;

    /// <summary>Something that we must not send now.</summary>
    internal const byte LocalMistake = 10;

    private readonly StreamState _from;
    private readonly StreamInput _input;
    private readonly byte _entry;

    internal StreamTransition(StreamState from, StreamInput input, byte entry)
    {
        _from = from;
        _input = input;
        _entry = entry;
    }

    /// <summary>Whether the input has a place in the state.</summary>
    public bool IsAllowed => _entry < FirstError;

    /// <summary>The state afterwards; the one before if the input isn't allowed.</summary>
    public StreamState Next => IsAllowed ? (StreamState)_entry : _from;

    /// <summary>Whether this is the transition that closed the stream. It happens once, so whoever sees it retires the stream.</summary>
    public bool BecameClosed => _entry == (byte)StreamState.Closed && _from != StreamState.Closed;

    /// <summary>
    /// Whether something was about to be sent that must not be. Not always a bug: the other half may have closed the stream
    /// a moment ago, and then the frame is dropped.
    /// </summary>
    public bool IsLocalMistake => _entry == LocalMistake;

    /// <summary>What the peer's error ends.</summary>
    public ErrorScope Scope => _entry >= StreamStreamClosed ? ErrorScope.Stream : ErrorScope.Connection;

    /// <summary>The code of the error; <see cref="ErrorCode.NoError"/> when the input is allowed.</summary>
    public ErrorCode Code => _entry switch
    {
        ConnectionProtocolError => ErrorCode.ProtocolError,
        ConnectionStreamClosed or StreamStreamClosed => ErrorCode.StreamClosed,
        LocalMistake => ErrorCode.InternalError,
        _ => ErrorCode.NoError,
    };

    /// <summary>The error as a value, for an input that isn't allowed.</summary>
    public ProtocolError ToError(int streamId)
    {
        Debug.Assert(!IsAllowed, "an allowed transition is no error");
        string reason = $"{_input} on stream {streamId} in state {_from}";
        return new ProtocolError(Scope, Code, "5.1", reason, Scope == ErrorScope.Stream ? streamId : 0);
    }
}
