using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Server;

/// <summary>One call as its handler sees it: the context, and the way responses and the final status take.</summary>
/// <remarks>Never pooled: a handler may hold on to it. Members that send enter the gate; the handler may call from any thread.</remarks>
internal sealed partial class ServerCall
{
    private readonly ServerStream _stream;
    private IResumable? _reader;
    private LazyCancellation _cancellation;
    private ICompressionProvider? _sendCompression;

    public ServerCall(ServerStream stream, MethodHandler handler)
    {
        _stream = stream;
        _methodName = handler.FullName;
    }

    /// <summary>Whether the response's header list has been sent.</summary>
    public bool HeadersSent { get; private set; }

    /// <summary>Runs the handler to its end, whatever that is.</summary>
    public async Task RunAsync(MethodHandler handler)
    {
        try
        {
            await handler.RunAsync(this).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // Whatever a handler throws becomes the call's status; nothing of it may reach the connection.
            CompleteWith(ToStatus(e), e is RpcException rpc ? rpc.Trailers : null);
        }
        finally
        {
            _stream.Release();
        }
    }

    /// <summary>A wake of the stream: a reader that waits looks again.</summary>
    public void Resume() => Volatile.Read(ref _reader)?.Resume();

    /// <summary>The call was ended by somebody else: tell the handler.</summary>
    public void Cancel() => _cancellation.Cancel();

    /// <summary>Why nothing can be read or written any more; null while it can.</summary>
    public Exception? EndedException(string what)
    {
        if (_cancellation.IsCancelled)
        {
            return new OperationCanceledException($"Can't {what}: the call was cancelled, its deadline has passed, or its connection was lost.", CancellationToken);
        }

        return _stream.IsFinished ? new InvalidOperationException($"Can't {what}: the call has ended.") : null;
    }

    /// <summary>Reads the request of a method that takes one.</summary>
    /// <exception cref="RpcException">There was none, more than one, or one that can't be read.</exception>
    public T ReadOnlyRequest<T>(Marshaller<T> marshaller)
    {
        InboxStatus status = _stream.Read(marshaller, out T request, out Status error);
        if (status == InboxStatus.Message)
        {
            status = _stream.Inbox.Read(out _, out _, out GrpcError? extra, out _);
            if (status == InboxStatus.End)
            {
                return request;
            }

            error = extra is null
                ? new Status(StatusCode.Internal, "The client sent more than one request to a method that takes one.")
                : new Status((StatusCode)extra.Code, extra.Detail);
        }
        else if (status == InboxStatus.End)
        {
            error = new Status(StatusCode.Internal, "The client sent no request to a method that takes one.");
        }

        throw new RpcException(error);
    }

    /// <summary>The reader of a method that takes many requests.</summary>
    public RequestReader<T> CreateReader<T>(Marshaller<T> marshaller)
    {
        var reader = new RequestReader<T>(this, _stream, marshaller);
        Volatile.Write(ref _reader, reader);
        return reader;
    }

    /// <summary>Sends one response of many; false when the call has ended.</summary>
    public Task<bool> WriteMessageAsync<T>(Marshaller<T> marshaller, T message, WriteOptions? options)
    {
        if (_stream.IsFinished)
        {
            return Task.FromResult(false);
        }

        EnsureHeadersSent();
        MessageSerializer serializer = MessageSerializer.Rent();
        return _stream.WriteAsync(serializer, Serialize(serializer, marshaller, message, options), endStream: false);
    }

    /// <summary>Ends a call of many responses with the status and trailers of the context.</summary>
    public void Complete()
    {
        if (!HeadersSent && _status.StatusCode == StatusCode.OK)
        {
            EnsureHeadersSent();
        }

        CompleteWith(_status, null);
    }

    /// <summary>Ends a call of one response: header list, message and trailers enter the gate once.</summary>
    public void Complete<T>(Marshaller<T> marshaller, T response)
        where T : class
    {
        if (_status.StatusCode != StatusCode.OK)
        {
            CompleteWith(_status, null);
            return;
        }

        if (response is null)
        {
            throw new RpcException(new Status(StatusCode.Cancelled, "The handler returned no response."));
        }

        HeaderList? trailers = HasTrailers ? TrailerFields(_status, null) : null;
        HeaderList? headers = HeadersSent ? null : ResponseFields(null);
        MessageSerializer serializer = MessageSerializer.Rent();
        Wire.Buffers.OutputBuffer message = Serialize(serializer, marshaller, response, _writeOptions);
        if (_stream.TryFinish())
        {
            using Http2Connection.GateScope gate = _stream.Connection.Enter();
            if (!HeadersSent)
            {
                gate.Send.WriteHeaders(_stream, ResponseBlocks.Headers, headers, endStream: false);
            }

            gate.Send.WriteData(_stream, message, endStream: false);
            gate.Send.WriteTrailers(_stream, trailers is null ? ResponseBlocks.TrailersOk : null, trailers);
        }

        headers?.Release();
        serializer.Return();
    }

    private bool HasTrailers => _responseTrailers is { Count: > 0 } || !string.IsNullOrEmpty(_status.Detail);

    private void CompleteWith(Status status, Metadata? exceptionTrailers)
    {
        HeaderList trailers;
        try
        {
            trailers = TrailerFields(status, exceptionTrailers);
        }
        catch (ArgumentException e)
        {
            _stream.Server.Logger.LogError(e, "The trailers of {Method} can't be sent", _methodName);
            trailers = ServerStream.StatusFields(new Status(StatusCode.Unknown, "The handler set trailers that can't be sent."));
        }

        if (_stream.TryFinish())
        {
            using Http2Connection.GateScope gate = _stream.Connection.Enter();

            // Without a header list before it, this is Trailers-Only: one block for both.
            gate.Send.WriteTrailers(_stream, HeadersSent ? null : ResponseBlocks.Headers, trailers);
        }
        else
        {
            trailers.Release();
        }
    }

    private HeaderList TrailerFields(Status status, Metadata? exceptionTrailers)
    {
        HeaderList fields = ServerStream.StatusFields(status);
        if (_responseTrailers is not null)
        {
            MetadataCodec.Encode(_responseTrailers, fields);
        }

        if (exceptionTrailers is not null && !ReferenceEquals(exceptionTrailers, _responseTrailers))
        {
            MetadataCodec.Encode(exceptionTrailers, fields);
        }

        return fields;
    }

    private void EnsureHeadersSent()
    {
        if (!HeadersSent)
        {
            SendHeaders(ResponseFields(null));
        }
    }

    private void SendHeaders(HeaderList? fields)
    {
        using (Http2Connection.GateScope gate = _stream.Connection.Enter())
        {
            if (!HeadersSent && !_stream.IsFinished)
            {
                gate.Send.WriteHeaders(_stream, ResponseBlocks.Headers, fields, endStream: false);
                HeadersSent = true;
            }
        }

        fields?.Release();
    }

    /// <summary>What the response's header list has beyond the constant part.</summary>
    private HeaderList? ResponseFields(Metadata? metadata)
    {
        _sendCompression = ChooseCompression(metadata);
        if (_sendCompression is null && metadata is null)
        {
            return null;
        }

        var fields = new HeaderList();
        if (_sendCompression is not null)
        {
            fields.Add("grpc-encoding"u8, System.Text.Encoding.ASCII.GetBytes(_sendCompression.EncodingName));
        }

        if (metadata is not null)
        {
            MetadataCodec.Encode(metadata, fields);
        }

        return fields;
    }

    /// <summary>
    /// Responses are compressed when the server is set to, or the handler asks for it in its response headers as in
    /// Grpc.AspNetCore, and the client said that it understands the encoding.
    /// </summary>
    private ICompressionProvider? ChooseCompression(Metadata? metadata)
    {
        ICompressionProvider? provider = metadata?.GetValue("grpc-internal-encoding-request") is { } name
            ? _stream.Server.Compressions.Find(System.Text.Encoding.ASCII.GetBytes(name))
            : _stream.Server.ResponseCompression;
        return provider is not null && _stream.ReadRequestFields(
            fields => fields.TryGet("grpc-accept-encoding"u8, out ReadOnlySpan<byte> accept) && CompressionSet.IsAccepted(accept, provider.EncodingName))
            ? provider
            : null;
    }

    private Wire.Buffers.OutputBuffer Serialize<T>(MessageSerializer serializer, Marshaller<T> marshaller, T message, WriteOptions? options)
    {
        bool plain = options is not null && (options.Flags & WriteFlags.NoCompress) != 0;
        return serializer.Serialize(marshaller, message, plain ? null : _sendCompression, _stream.Server.Options.MaxSendMessageSize);
    }

    private Status ToStatus(Exception exception)
    {
        if (exception is RpcException rpc)
        {
            return rpc.Status.StatusCode == StatusCode.OK
                ? new Status(StatusCode.Unknown, "The handler threw an RpcException with status OK.")
                : rpc.Status;
        }

        if (_stream.IsFinished)
        {
            return new Status(StatusCode.Cancelled, "The call has ended.");
        }

        // What went wrong inside is for the log; a stranger may be reading the status.
        _stream.Server.Logger.LogError(exception, "The handler of {Method} threw an exception", _methodName);
        return new Status(
            StatusCode.Unknown,
            _stream.Server.Options.EnableDetailedErrors
                ? $"The handler threw an exception: {exception.GetType().Name}: {exception.Message}"
                : "The handler threw an exception.");
    }
}
