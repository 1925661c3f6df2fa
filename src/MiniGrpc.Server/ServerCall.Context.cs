using System.Text;

using Grpc.Core;

using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Server;

/// <content>The members of <see cref="ServerCallContext"/>. What is costly is made when it is asked for.</content>
internal partial class ServerCall : ServerCallContext
{
    private readonly string _methodName;
    private readonly DateTime _deadline;
    private AuthContext? _authContext;
    private Metadata? _requestHeaders;
    private Metadata? _responseTrailers;
    private Dictionary<object, object>? _userState;
    private Status _status = Status.DefaultSuccess;
    private WriteOptions? _writeOptions;

    /// <inheritdoc cref="ServerCallContextExtensions.IsRequestCompressed"/>
    public bool IsRequestCompressed { get; private set; }

    /// <inheritdoc />
    protected override string MethodCore => _methodName;

    /// <inheritdoc />
    protected override string HostCore => _stream.ReadRequestFields(this, static fields =>
        fields.TryGet(":authority"u8, out ReadOnlySpan<byte> host) || fields.TryGet("host"u8, out host) ? Encoding.ASCII.GetString(host) : "");

    /// <inheritdoc />
    protected override string PeerCore => _stream.Connection.Transport.RemoteAddress;

    /// <inheritdoc />
    protected override DateTime DeadlineCore => _deadline;

    /// <inheritdoc />
    protected override Metadata RequestHeadersCore => _requestHeaders ??= _stream.ReadRequestFields(this, fields => MetadataCodec.Decode(fields, _stream.Connection));

    /// <inheritdoc />
    protected override CancellationToken CancellationTokenCore => _cancellation.Token;

    /// <inheritdoc />
    protected override Metadata ResponseTrailersCore => _responseTrailers ??= [];

    /// <inheritdoc />
    protected override Status StatusCore
    {
        get => _status;
        set => _status = value;
    }

    /// <inheritdoc />
    protected override WriteOptions? WriteOptionsCore
    {
        get => _writeOptions;
        set => _writeOptions = value;
    }

    /// <inheritdoc />
    protected override AuthContext AuthContextCore => _authContext ??= PeerIdentity.ContextOf(_stream.Connection.Transport.PeerProperties);

    /// <inheritdoc />
    protected override IDictionary<object, object> UserStateCore => _userState ??= [];

    /// <inheritdoc />
    protected override Task WriteResponseHeadersAsyncCore(Metadata responseHeaders)
    {
        ArgumentNullException.ThrowIfNull(responseHeaders);
        if (HeadersSent)
        {
            throw new InvalidOperationException("Response headers can be sent once, and before the first response.");
        }

        if (EndedException("send response headers") is { } ended)
        {
            return Task.FromException(ended);
        }

        SendHeaders(ResponseFields(responseHeaders));
        return Task.CompletedTask;
    }

    /// <inheritdoc />
    protected override ContextPropagationToken CreatePropagationTokenCore(ContextPropagationOptions? options) => throw new NotSupportedException(
        "Propagation tokens can't be made outside of Grpc.Core. CallContextPropagationInterceptor carries deadline and cancellation to child calls.");
}
