using Grpc.Core;

using MiniGrpc.Client.Repeating;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <summary>What calls of all kinds share once the types of their messages are known: how requests are sent.</summary>
internal abstract partial class TypedCall<TRequest, TResponse>(MiniChannel channel, Method<TRequest, TResponse> method, CallOptions options)
    : ClientCall(channel, method, options)
    where TRequest : class
    where TResponse : class
{
    private TRequest? _request;
    private SentRequests? _sent; // of a call of many requests

    /// <inheritdoc />
    public override string MethodName => method.FullName;

    protected Method<TRequest, TResponse> Method => method;

    /// <summary>Whether its one request goes out as it starts.</summary>
    protected bool TakesOneRequest => method.Type is MethodType.Unary or MethodType.ServerStreaming;

    /// <summary>Starts a call with its one request.</summary>
    public void Start(TRequest request)
    {
        ArgumentNullException.ThrowIfNull(request);
        _request = request;
        Begin();
    }

    /// <summary>Starts a call of many requests.</summary>
    public RequestWriter<TRequest> StartStreaming()
    {
        // What an attempt of a call with a policy has sent is kept above it, for every attempt there may be.
        _sent = new SentRequests(this, Channel.RetryBuffer, Channel.Options.MaxRetryBufferPerCallSize, keeps: AttemptNumber == 0);
        Begin();
        return new CallWriter(this, WriteOptions);
    }

    /// <inheritdoc />
    protected override OpenResult Open(Http2Connection connection, HeaderList? fields, out ClientStream? stream)
    {
        if (!TakesOneRequest)
        {
            using Http2Connection.GateScope gate = connection.Enter();
            OpenResult opened = OpenStream(gate.Send, connection, fields, out stream);
            if (opened == OpenResult.Opened)
            {
                _sent!.OnOpened(gate.Send, stream!);
            }

            return opened;
        }

        if (Volatile.Read(ref _request) is not { } request)
        {
            stream = null;
            return OpenResult.Opened; // ended just now
        }

        // Header list, request and END_STREAM enter the gate once.
        MessageSerializer serializer = MessageSerializer.Rent();
        OutputBuffer message = Serialize(serializer, request, WriteOptions);
        OpenResult result;
        using (Http2Connection.GateScope gate = connection.EnterToSend())
        {
            result = OpenStream(gate.Send, connection, fields, out stream);
            if (result == OpenResult.Opened)
            {
                stream!.Send(gate.Send, message, endStream: true);
            }
        }

        serializer.Return();
        return result;
    }

    /// <inheritdoc />
    protected override void OnOpened() => PostOpened();

    /// <inheritdoc />
    protected override bool TakeBack() => TakesOneRequest ? Volatile.Read(ref _request) is not null : _sent!.TakeBack();

    /// <inheritdoc />
    protected override string WhyNotTakenBack => _sent is { IsOverfull: true } ? SentRequests.Overfull : "";

    /// <inheritdoc />
    protected override void ReleaseRequest()
    {
        _request = null;
        _sent?.LetGo();
    }

    /// <inheritdoc />
    protected override void OnEnded()
    {
        ReleaseRequest();
        PostOpened();
    }

    /// <summary>A writer that waits for a stream is told that it is there, or will never be.</summary>
    private void PostOpened()
    {
        if (_sent?.Waiter is { } waiter)
        {
            Post(waiter);
        }
    }

    private OutputBuffer Serialize(MessageSerializer serializer, TRequest message, WriteOptions? options)
    {
        bool plain = options is not null && (options.Flags & WriteFlags.NoCompress) != 0;
        return serializer.Serialize(method.RequestMarshaller, message, plain ? null : RequestCompression, Plan.MaxSendMessageSize);
    }
}
