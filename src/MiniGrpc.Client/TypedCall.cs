using Grpc.Core;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <summary>What calls of all kinds share once the types of their messages are known: how requests are sent.</summary>
internal abstract class TypedCall<TRequest, TResponse>(MiniChannel channel, Method<TRequest, TResponse> method, CallOptions options)
    : ClientCall(channel, method, options)
    where TRequest : class
    where TResponse : class
{
    private TRequest? _request;
    private ClientStream? _open;
    private OpenedSource? _opened;

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
        Begin();
        return new CallWriter(this, WriteOptions);
    }

    /// <inheritdoc />
    protected override OpenResult Open(Http2Connection connection, HeaderList? fields, out ClientStream? stream)
    {
        if (!TakesOneRequest)
        {
            using Http2Connection.GateScope gate = connection.Enter();
            return OpenStream(gate.Send, connection, fields, out stream);
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
    protected override void OnOpened(ClientStream stream)
    {
        if (TakesOneRequest)
        {
            return; // nobody waits to write, and the stream may have been let go of
        }

        Interlocked.Exchange(ref _open, stream); // a full fence: a writer looks at _open after publishing its wait
        PostOpened();
    }

    /// <inheritdoc />
    protected override bool CanStartAgain => Volatile.Read(ref _request) is not null;

    /// <inheritdoc />
    protected override void ReleaseRequest() => _request = null;

    /// <inheritdoc />
    protected override void OnEnded()
    {
        ReleaseRequest();
        PostOpened();
    }

    /// <summary>Why no request can be written any more.</summary>
    public Exception EndedException() => Status.StatusCode == StatusCode.OK
        ? new InvalidOperationException("Can't write a request because the call has ended.")
        : ToException();

    /// <summary>Sends a request; false when the call has ended.</summary>
    public async Task<bool> WriteAsync(TRequest message, WriteOptions? options)
    {
        ClientStream? stream = Volatile.Read(ref _open) ?? await WaitForStreamAsync().ConfigureAwait(false);
        if (stream is null || HasEnded)
        {
            return false;
        }

        MessageSerializer serializer = MessageSerializer.Rent();
        return await stream.WriteAsync(serializer, Serialize(serializer, message, options), endStream: false).ConfigureAwait(false);
    }

    /// <summary>Says that no more requests follow. A call that has ended needs no saying.</summary>
    public async Task CompleteAsync()
    {
        ClientStream? stream = Volatile.Read(ref _open) ?? await WaitForStreamAsync().ConfigureAwait(false);
        if (stream is not null)
        {
            using Http2Connection.GateScope gate = stream.Connection.Enter();
            gate.Send.EndStream(stream);
        }
    }

    private Task<ClientStream?> WaitForStreamAsync()
    {
        var created = new OpenedSource(this);
        OpenedSource source = Interlocked.CompareExchange(ref _opened, created, null) ?? created;
        source.Execute();
        return source.Task;
    }

    /// <summary>A writer that waits for the stream is told that it is there, or will never be.</summary>
    private void PostOpened()
    {
        if (Volatile.Read(ref _opened) is { } source)
        {
            Post(source);
        }
    }

    private OutputBuffer Serialize(MessageSerializer serializer, TRequest message, WriteOptions? options)
    {
        bool plain = options is not null && (options.Flags & WriteFlags.NoCompress) != 0;
        return serializer.Serialize(method.RequestMarshaller, message, plain ? null : RequestCompression, Plan.MaxSendMessageSize);
    }

    /// <summary>The requests, from the caller.</summary>
    private sealed class CallWriter(TypedCall<TRequest, TResponse> call, WriteOptions? writeOptions) : RequestWriter<TRequest>(writeOptions)
    {
        /// <inheritdoc />
        protected override Task<bool> SendAsync(TRequest message, WriteOptions? options) => call.WriteAsync(message, options);

        /// <inheritdoc />
        protected override Task SayCompleteAsync() => call.CompleteAsync();

        /// <inheritdoc />
        protected override async Task<Exception> EndedExceptionAsync()
        {
            await call.WaitForEndAsync().ConfigureAwait(false);
            return call.EndedException();
        }
    }

    /// <summary>The wait of a writer that came before the stream.</summary>
    private sealed class OpenedSource(TypedCall<TRequest, TResponse> call) : TaskCompletionSource<ClientStream?>, IThreadPoolWorkItem
    {
        /// <summary>Ends the wait if it is over.</summary>
        public void Execute()
        {
            if (Volatile.Read(ref call._open) is { } stream)
            {
                TrySetResult(stream);
            }
            else if (call.HasEnded)
            {
                TrySetResult(null);
            }
        }
    }
}
