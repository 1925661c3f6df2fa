using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>
/// TLS on top of another transport, as HTTP/2 wants it (RFC 9113 section 9.2): made by <c>ServerTls</c> or <c>ClientTls</c>,
/// which say how the handshake goes.
/// </summary>
/// <remarks>
/// Threading: as every transport. Until the handshake has succeeded, input and output are those of the transport below: if it
/// doesn't, an alert can still leave, and a peer that speaks plaintext can be understood and answered.
/// </remarks>
internal sealed class TlsTransport : ITransport
{
    private readonly ITransport _below;
    private readonly PeerCertificate _peer;
    private readonly Func<SslStream, Task> _authenticate;
    private readonly TlsTurns _turns = new();
    private readonly TransportStream _records;
    private SslStream? _stream;
    private TlsPipeReader? _input;
    private TlsPipeWriter? _output;
    private IReadOnlyList<KeyValuePair<string, string>>? _peerProperties;
    private X509Certificate2? _certificate;
    private volatile bool _isOpen;

    /// <summary>Creates the transport; <paramref name="authenticate"/> runs the handshake, in which <paramref name="peer"/> judges.</summary>
    public TlsTransport(ITransport below, PeerCertificate peer, Func<SslStream, Task> authenticate)
    {
        _below = below;
        _peer = peer;
        _authenticate = authenticate;
        _records = new TransportStream(below, _turns);
    }

    /// <inheritdoc />
    public PipeReader Input => _input ?? _below.Input;

    /// <inheritdoc />
    public PipeWriter Output => _output ?? _below.Output;

    /// <inheritdoc />
    public string RemoteAddress => _below.RemoteAddress;

    /// <inheritdoc />
    public IReadOnlyList<KeyValuePair<string, string>> PeerProperties =>
        _peerProperties ??= CertificateProperties.Of(_certificate);

    /// <inheritdoc />
    public bool IsOpen => _isOpen;

    /// <inheritdoc />
    public async ValueTask<TransportFailure?> OpenAsync()
    {
        TransportFailure? failure = await HandshakeAsync().ConfigureAwait(false);
        _isOpen = true;
        return failure;
    }

    /// <inheritdoc />
    public ValueTask WaitForInputAsync() => _input?.WaitAsync() ?? _below.WaitForInputAsync();

    /// <inheritdoc />
    public void Abort()
    {
        _records.Abort();
        _below.Abort();
    }

    /// <inheritdoc />
    public async ValueTask DisposeAsync()
    {
        _records.Abort();
        _input?.Complete();
        if (_stream is not null)
        {
            await _stream.DisposeAsync().ConfigureAwait(false);
        }

        await _below.DisposeAsync().ConfigureAwait(false);
    }

    private async Task<TransportFailure?> HandshakeAsync()
    {
        var stream = new SslStream(_records, leaveInnerStreamOpen: true);
        _stream = stream;
        try
        {
            await _authenticate(stream).ConfigureAwait(false);
        }
        catch (NotTlsException)
        {
            return new TransportFailure(TransportFailureKind.NotTls, $"{RemoteAddress} does not speak TLS");
        }
        catch (Exception e)
        {
            // The peer, the network, or a callback of the user's: whatever it throws ends this connection alone.
            return Failed(_peer.Objection ?? TlsErrors.ExplainHandshake(e, _peer.Peer), e);
        }

        _turns.Leave();
        _certificate = stream.RemoteCertificate as X509Certificate2; // a stream that has ended doesn't tell it any more
        _input = new TlsPipeReader(stream, _turns, _peer.Peer);
        _output = new TlsPipeWriter(stream, _turns, _below.Output);
        return Judge(stream);
    }

    /// <summary>What HTTP/2 asks of a handshake that has succeeded (RFC 9113 sections 3.2 and 9.2.2).</summary>
    private TransportFailure? Judge(SslStream stream)
    {
        if (stream.NegotiatedApplicationProtocol != SslApplicationProtocol.Http2)
        {
            return Failed($"the {_peer.Peer} did not agree on HTTP/2: the protocol 'h2' has to be negotiated by ALPN", null);
        }

        return CipherSuites.IsPermitted(stream.SslProtocol, stream.NegotiatedCipherSuite) ? null : new TransportFailure(
            TransportFailureKind.Inadequate,
            $"the cipher suite {stream.NegotiatedCipherSuite} must not be used with HTTP/2");
    }

    private TransportFailure Failed(string reason, Exception? exception) =>
        new(TransportFailureKind.Failed, $"the TLS handshake with {RemoteAddress} failed: {reason}", exception);
}
