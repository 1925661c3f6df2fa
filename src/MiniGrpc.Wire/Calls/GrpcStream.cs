using Grpc.Core;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// A stream that carries a call: messages in through an inbox, messages out through the gate. What the two ends do with it
/// differs and stands in the server's and the client's stream.
/// </summary>
/// <remarks>
/// Threading: the reports of the receive loop come in on that loop and only take notes; <see cref="Execute"/> is what the
/// dispatcher runs for the call. One reader and one writer at a time.
/// </remarks>
internal abstract class GrpcStream : Http2Stream, IThreadPoolWorkItem
{
    /// <summary>Who holds a stream: the receive loop, and the call.</summary>
    private const int Holders = 2;

    private PostedCompletion? _writeWaiter;
    private int _holders = Holders;

    protected GrpcStream(Http2Connection connection, int maxReceiveMessageSize)
    {
        Connection = connection;
        ReceiveLimits limits = connection.Options.Limits;
        Inbox = new MessageInbox(connection.ReceiveWindow, limits.StreamWindow, maxReceiveMessageSize, limits.LargestStreamWindow);
        MaxReceiveMessageSize = maxReceiveMessageSize;
    }

    /// <summary>The connection that the stream is one of.</summary>
    internal Http2Connection Connection { get; }

    /// <summary>The messages that have come in.</summary>
    internal MessageInbox Inbox { get; }

    /// <summary>The largest message to take, in octets; negative for no limit.</summary>
    internal int MaxReceiveMessageSize
    {
        get;
        set
        {
            field = value;
            Inbox.MaxMessageSize = value;
        }
    }

    /// <summary>How the peer's compressed messages are compressed; null for not at all.</summary>
    internal ICompressionProvider? ReceiveCompression { get; set; }

    /// <summary>Whether the message that was read last came compressed.</summary>
    internal bool LastReadWasCompressed { get; private set; }

    /// <summary>The octets of all messages that were accepted for sending, as they are sent, without their prefixes. Changed under the gate.</summary>
    internal long SentMessageOctets { get; private set; }

    /// <summary>Under the gate: whether the call still sends messages.</summary>
    protected virtual bool AcceptsMessages => true;

    /// <summary>Runs on the thread pool: the call can go on.</summary>
    public abstract void Execute();

    /// <summary>
    /// Looks for the next message, and reads it. <see cref="InboxStatus.Waiting"/> means that <see cref="Execute"/> will run
    /// when it is there.
    /// </summary>
    internal InboxStatus Read<T>(Marshaller<T> marshaller, out T message, out Status error)
    {
        message = default!;
        error = default;
        InboxStatus status = Inbox.Read(out Grpc.MessagePrefix prefix, out System.Buffers.ReadOnlySequence<byte> payload, out Grpc.GrpcError? wrong, out int credit);
        bool isWhole = status == InboxStatus.Message;
        if (isWhole)
        {
            LastReadWasCompressed = prefix.IsCompressed;
            if (!MessageDeserializer.TryDeserialize(marshaller, prefix, payload, ReceiveCompression, MaxReceiveMessageSize, out message, out wrong))
            {
                status = InboxStatus.Error;
            }
        }

        if (wrong is not null)
        {
            error = Note(new Status((StatusCode)wrong.Code, wrong.Detail));
            OnUnreadable(error); // before its octets are gone: whoever finds none left may be sure that all could be read
        }

        if (isWhole)
        {
            credit = Inbox.Consume(prefix.TotalLength);
        }

        GiveCredit(credit);
        return status;
    }

    /// <summary>Hands a serialized message over. The task completes when the stream takes more; false: the stream has ended.</summary>
    internal Task<bool> WriteAsync(MessageSerializer serializer, Buffers.OutputBuffer message, bool endStream)
    {
        SendResult result;
        Task? waiter = null;
        using (Http2Connection.GateScope gate = Connection.Enter())
        {
            result = AcceptsMessages ? Send(gate.Send, message, endStream) : SendResult.Closed;
            if (result == SendResult.AcceptedFull)
            {
                _writeWaiter ??= new PostedCompletion();
                waiter = _writeWaiter.Task;
            }
        }

        serializer.Return();
        return waiter is null ? (result == SendResult.Closed ? s_false : s_true) : WaitAsync(waiter);
    }

    /// <summary>Under the gate: hands a serialized message over, or several behind each other, and counts their octets.</summary>
    internal SendResult Send(SendSide send, Buffers.OutputBuffer message, bool endStream, int messages = 1)
    {
        int octets = message.Length - (messages * Grpc.MessagePrefix.Size); // looked at first: the buffer may be taken
        SendResult result = send.WriteData(this, message, endStream);
        SentMessageOctets += result == SendResult.Closed ? 0 : octets;
        return result;
    }

    /// <summary>Says in the log what is wrong with what the peer sent, and returns it: the status of this call.</summary>
    internal Status Note(Status status)
    {
        Connection.Causes.Note((int)status.StatusCode, status.Detail, status.Detail);
        return status;
    }

    /// <summary>Closes the stream at once; nothing is sent when it has ended already.</summary>
    internal void Reset(ErrorCode code)
    {
        using Http2Connection.GateScope gate = Connection.Enter();
        gate.Send.Reset(this, code);
    }

    /// <summary>Gives the memory of unread messages back; what still comes is thrown away.</summary>
    internal void DiscardInbox()
    {
        Inbox.Discard();
        GiveCredit(0);
    }

    /// <summary>
    /// A holder will not touch the stream any more, nor will anything that it has posted or armed; when the other one has said so
    /// too, it may be used for another call. Holders that can't promise it just leave the stream to the garbage collector.
    /// </summary>
    internal void LetGo()
    {
        if (Interlocked.Decrement(ref _holders) == 0 && Connection.Options.ReusesStreams)
        {
            ForgetCall();
            Connection.Pool.Return(this);
        }
    }

    /// <summary>What has come in can't be read, which <paramref name="error"/> says. On the reader's thread, once the reader has asked for it.</summary>
    protected virtual void OnUnreadable(Status error)
    {
        // Who reads is told, too.
    }

    /// <summary>Nobody holds the stream: what its call has in memory must not wait in the pool with it.</summary>
    protected virtual void ForgetCall()
    {
    }

    /// <inheritdoc />
    internal override void OnForgotten() => LetGo();

    /// <inheritdoc />
    internal override void Renew()
    {
        base.Renew();
        Inbox.Renew(Connection.Options.Limits.StreamWindow);
        ReceiveCompression = null;
        SentMessageOctets = 0;
        _holders = Holders;
    }

    /// <inheritdoc />
    internal override ProtocolError? OnData(ReadOnlySpan<byte> data, int padding, bool endStream)
    {
        InboxAppend append = Inbox.Append(data, padding, endStream);
        if (!append.WithinWindow)
        {
            return ProtocolError.Stream(
                Id, ErrorCode.FlowControlError, "6.9.1", "DATA beyond the stream's flow-control window");
        }

        if (append.Credit > 0 && !endStream)
        {
            GiveStreamCredit(append.Credit);
        }

        if (endStream)
        {
            OnEndOfMessages();
        }

        if (append.Wake)
        {
            Connection.Posts.Post(this);
        }

        return null;
    }

    /// <inheritdoc />
    internal override void OnSendCapacity()
    {
        PostedCompletion? waiter = _writeWaiter;
        _writeWaiter = null;
        if (waiter is not null)
        {
            Connection.Posts.Post(waiter); // the gate is held here
        }
    }

    /// <summary>The peer's half has ended with DATA, without trailers.</summary>
    protected virtual void OnEndOfMessages()
    {
    }

    private void GiveCredit(int streamCredit)
    {
        if (streamCredit > 0)
        {
            GiveStreamCredit(streamCredit);
        }

        int due = Connection.ReceiveWindow.TakeDue();
        if (due > 0)
        {
            using Http2Connection.GateScope gate = Connection.Enter();
            gate.Send.WriteWindowUpdate(0, due);
        }
    }

    private void GiveStreamCredit(int increment)
    {
        // Once the peer's half has ended it has no use for more, and after RST_STREAM nothing may follow.
        using Http2Connection.GateScope gate = Connection.Enter();
        if (State.Current is StreamState.Open or StreamState.HalfClosedLocal)
        {
            gate.Send.WriteWindowUpdate(Id, increment);
        }
    }

    private async Task<bool> WaitAsync(Task waiter)
    {
        await waiter.ConfigureAwait(false);
        return State.Current is StreamState.Open or StreamState.HalfClosedRemote;
    }

    private static readonly Task<bool> s_true = Task.FromResult(true);
    private static readonly Task<bool> s_false = Task.FromResult(false);
}
