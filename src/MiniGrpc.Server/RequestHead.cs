using System.Text;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Server;

/// <summary>
/// What a request's header list says to gRPC (gRPC over HTTP/2, Requests), or how the request is to be refused before any
/// handler or interceptor hears of it.
/// </summary>
internal ref struct RequestHead
{
    private ReadOnlySpan<byte> _method;
    private ReadOnlySpan<byte> _path;
    private ReadOnlySpan<byte> _contentType;
    private ReadOnlySpan<byte> _timeout;
    private bool _hasTimeout;
    private ReadOnlySpan<byte> _encoding;
    private ReadOnlySpan<byte> _badBinary;

    /// <summary>The method called.</summary>
    public MethodHandler? Handler { get; private set; }

    /// <summary>How long the client waits; null for ever.</summary>
    public TimeSpan? Timeout { get; private set; }

    /// <summary>How the client compresses its messages; null for not at all.</summary>
    public ICompressionProvider? Compression { get; private set; }

    /// <summary>The refusal in HTTP's own terms, for what is no gRPC request.</summary>
    public PreparedFields? HttpRefusal { get; private set; }

    /// <summary>Why a request is refused, for the log.</summary>
    public readonly string Reason => Refusal?.Detail
        ?? $"a request of method {GrpcError.Quote(_method)} and content-type {GrpcError.Quote(_contentType)} is no gRPC request";

    /// <summary>The refusal as a gRPC status.</summary>
    public GrpcError? Refusal { get; private set; }

    /// <summary>Reads and judges <paramref name="fields"/>.</summary>
    public static RequestHead Read(HeaderList fields, MethodTable methods, CompressionSet compressions)
    {
        var head = default(RequestHead);
        foreach (HeaderField field in fields)
        {
            head.Note(field.Name, field.Value);
        }

        head.Judge(methods, compressions);
        return head;
    }

    private void Note(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        switch (name.Length)
        {
            case 5 when name.SequenceEqual(":path"u8):
                _path = value;
                break;
            case 7 when name.SequenceEqual(":method"u8):
                _method = value;
                break;
            case 12 when name.SequenceEqual("content-type"u8):
                _contentType = value;
                break;
            case 12 when name.SequenceEqual("grpc-timeout"u8):
                _timeout = value;
                _hasTimeout = true;
                break;
            case 13 when name.SequenceEqual("grpc-encoding"u8):
                _encoding = value;
                break;
            default:
                if (!MetadataCodec.IsValid(name, value))
                {
                    _badBinary = name;
                }

                break;
        }
    }

    private void Judge(MethodTable methods, CompressionSet compressions)
    {
        if (!_method.SequenceEqual("POST"u8))
        {
            HttpRefusal = ResponseBlocks.MethodNotAllowed;
            return;
        }

        if (!ContentType.IsGrpc(_contentType))
        {
            HttpRefusal = ResponseBlocks.UnsupportedMediaType;
            return;
        }

        Handler = methods.Find(_path);
        if (Handler is null)
        {
            Refusal = new GrpcError(GrpcStatusCode.Unimplemented, methods.Explain(Encoding.Latin1.GetString(_path)));
            return;
        }

        if (!_badBinary.IsEmpty)
        {
            Refusal = MetadataCodec.NotBase64(_badBinary);
            return;
        }

        if (_hasTimeout)
        {
            Refusal = GrpcTimeout.Parse(_timeout, out TimeSpan timeout);
            Timeout = timeout;
        }

        if (!CompressionSet.IsIdentity(_encoding))
        {
            Compression = compressions.Find(_encoding);
            Refusal ??= Compression is null ? compressions.Unsupported(_encoding, onServer: true) : null;
        }
    }
}
