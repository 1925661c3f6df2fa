using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Server;

/// <content>
/// The way out: Response-Headers, messages, and trailers or Trailers-Only (gRPC over HTTP/2, Responses). Everything enters
/// the gate; a call with one response enters it once.
/// </content>
internal partial class ServerCall
{
    private static readonly Status s_headersTooLarge = new(
        StatusCode.ResourceExhausted, "The response headers are larger than the client accepts (SETTINGS_MAX_HEADER_LIST_SIZE).");

    private static readonly Status s_trailersTooLarge = new(
        StatusCode.ResourceExhausted, "The trailers are larger than the client accepts (SETTINGS_MAX_HEADER_LIST_SIZE).");

    private ICompressionProvider? _sendCompression;
    private bool _completed;

    /// <summary>Whether it was the handler that has ended the call, or what it threw. Set under the gate.</summary>
    public bool WasCompleted => Volatile.Read(ref _completed);

    /// <summary>Whether the response's header list has been sent.</summary>
    public bool HeadersSent { get; private set; }

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
        OutputBuffer message = Serialize(serializer, marshaller, response, _writeOptions);
        using (Http2Connection.GateScope gate = _stream.Connection.EnterToSend())
        {
            bool tooLarge = gate.Send.IsTooLarge(null, trailers);
            if (!TryFinish(tooLarge ? s_trailersTooLarge : _status))
            {
                trailers?.Release();
                headers?.Release();
                serializer.Return();
                return;
            }

            if (!HeadersSent)
            {
                gate.Send.WriteHeaders(_stream, ResponseBlocks.Headers, headers, endStream: false);
            }

            if (tooLarge)
            {
                trailers!.Release();
                trailers = ServerStream.StatusFields(s_trailersTooLarge);
            }

            _stream.Send(gate.Send, message, endStream: false);
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
            status = new Status(StatusCode.Unknown, "The handler set trailers that can't be sent.");
            trailers = ServerStream.StatusFields(status);
        }

        using Http2Connection.GateScope gate = _stream.Connection.Enter();
        if (gate.Send.IsTooLarge(ResponseBlocks.Headers, trailers))
        {
            status = s_trailersTooLarge;
            trailers.Release();
            trailers = ServerStream.StatusFields(status);
        }

        if (TryFinish(status))
        {
            // Without a header list before it, this is Trailers-Only: one block for both.
            gate.Send.WriteTrailers(_stream, HeadersSent ? null : ResponseBlocks.Headers, trailers);
        }
        else
        {
            trailers.Release();
        }
    }

    private bool TryFinish(in Status status) => !_completed && (_completed = _stream.TryFinish(status));

    private HeaderList TrailerFields(Status status, Metadata? exceptionTrailers)
    {
        HeaderList fields = ServerStream.StatusFields(status);
        bool isOk = status.StatusCode == StatusCode.OK;
        if (_responseTrailers is not null)
        {
            MetadataCodec.EncodeTrailers(_responseTrailers, isOk, fields);
        }

        if (exceptionTrailers is not null && !ReferenceEquals(exceptionTrailers, _responseTrailers))
        {
            MetadataCodec.EncodeTrailers(exceptionTrailers, isOk, fields);
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
            if (gate.Send.IsTooLarge(ResponseBlocks.Headers, fields))
            {
                fields?.Release();
                throw new RpcException(s_headersTooLarge);
            }

            if (!HeadersSent && !_completed && !_stream.IsFinished)
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
        return provider is not null && IsAccepted(provider) ? provider : null;
    }

    private bool IsAccepted(ICompressionProvider provider) => _stream.ReadRequestFields(
        this,
        fields => fields.TryGet("grpc-accept-encoding"u8, out ReadOnlySpan<byte> accept) && CompressionSet.IsAccepted(accept, provider.EncodingName));

    private OutputBuffer Serialize<T>(MessageSerializer serializer, Marshaller<T> marshaller, T message, WriteOptions? options)
    {
        bool plain = options is not null && (options.Flags & WriteFlags.NoCompress) != 0;
        return serializer.Serialize(marshaller, message, plain ? null : _sendCompression, _stream.Server.Options.MaxSendMessageSize);
    }
}
