using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

#pragma warning disable CA1416 // tests run on Linux

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>RFC 9113 sections 3.2 and 9.2 on a client: what it asks of a server, and what calls are told of those that don't have it.</summary>
public class ClientHandshakeTests
{
    /// <summary>RFC 9113 section 9.2, 9.2.1 and 3.2: the versions, the name and the protocol that the client asks for.</summary>
    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    [Requirement("9113-3.2-2")]
    [Requirement("9113-9.2-1")]
    [Requirement("9113-9.2-3")]
    [Requirement("9113-9.2-4")]
    [Requirement("9113-9.2.2-2")]
    [Requirement("grpc-security-1")]
    [Requirement("grpc-security-3")]
    public async Task A_client_asks_for_the_host_and_h2_and_permitted_cipher_suites(SslProtocols version)
    {
        await using var client = new Peer();
        SslStream server = await client.AcceptAsync();
        SslServerAuthenticationOptions options = RawTls.ServerOptions();
        options.EnabledSslProtocols = version;
        SslClientHelloInfo hello = default;
        await RawPeer.Within(
            server.AuthenticateAsServerAsync(
                (_, info, _, _) =>
                {
                    hello = info;
                    return ValueTask.FromResult(options);
                },
                null,
                TestContext.Current.CancellationToken),
            "the handshake");
        Assert.Equal("localhost", hello.ServerName);
        Assert.Equal((version, SslApplicationProtocol.Http2), (server.SslProtocol, server.NegotiatedApplicationProtocol));
        await AssertCallsAsync(server);
    }

    /// <summary>RFC 9113 section 9.2: nothing older is offered. Read by hand, since the framework's account of a ClientHello leaves out this extension.</summary>
    [Fact]
    [Requirement("9113-9.2-1")]
    [Requirement("grpc-security-1")]
    public async Task A_client_offers_tls_1_2_and_1_3_alone()
    {
        await using var client = new Peer();
        byte[] hello = await RawTls.ReadRecordAsync((await client.AcceptTransportAsync()).Input.AsStream());
        Assert.Contains("002B0005" + "04" + "03040303", Convert.ToHexString(hello), StringComparison.Ordinal); // supported_versions (RFC 8446 section 4.2.1)
    }

    /// <summary>RFC 9113 section 9.2.2: the one cipher suite that every deployment of TLS 1.2 has. The curve is not for us to choose.</summary>
    [Fact]
    [Requirement("9113-9.2.2-3")]
    public async Task A_server_with_the_mandatory_cipher_suite_alone_is_one()
    {
        await using var client = new Peer();
        SslStream server = await client.AcceptAsync();
        const TlsCipherSuite Mandatory = TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
        SslServerAuthenticationOptions options = RawTls.ServerOptions();
        options.EnabledSslProtocols = SslProtocols.Tls12;
        options.CipherSuitesPolicy = new CipherSuitesPolicy([Mandatory]);
        await RawPeer.Within(server.AuthenticateAsServerAsync(options, TestContext.Current.CancellationToken), "the handshake");
        Assert.Equal((SslProtocols.Tls12, Mandatory), (server.SslProtocol, server.NegotiatedCipherSuite));
        await AssertCallsAsync(server);
    }

    [Fact]
    [Requirement("9113-3.3-1")]
    public async Task A_server_without_alpn_is_no_server_for_grpc()
    {
        await using var client = new Peer(new FakeTimeProvider()); // it does not give up waiting for this server's end
        SslStream server = await client.AcceptAsync();
        SslServerAuthenticationOptions options = RawTls.ServerOptions();
        options.ApplicationProtocols = null;
        await RawPeer.Within(server.AuthenticateAsServerAsync(options, TestContext.Current.CancellationToken), "the handshake");
        await client.AssertFailsAsync("the TLS handshake with memory:tls failed: the server did not agree on HTTP/2: the protocol 'h2' has to be negotiated by ALPN");
        Assert.Equal(0, await RawPeer.Within(server.ReadAsync(new byte[1], TestContext.Current.CancellationToken).AsTask(), "close_notify"));
    }

    [Fact]
    [Requirement("9113-3.2-1")]
    public async Task A_server_of_other_protocols_says_so_with_an_alert()
    {
        await using var client = new Peer();
        SslStream server = await client.AcceptAsync();
        SslServerAuthenticationOptions options = RawTls.ServerOptions();
        options.ApplicationProtocols = [SslApplicationProtocol.Http11, new SslApplicationProtocol("h2c")];
        await Assert.ThrowsAsync<AuthenticationException>(() => RawPeer.Within(server.AuthenticateAsServerAsync(options, TestContext.Current.CancellationToken), "the handshake"));
        await client.AssertFailsAsync("the server ended it: it does not speak HTTP/2 here (ALPN 'h2')");
    }

    /// <summary>RFC 9113 section 9.2.2 and Appendix A.</summary>
    [Theory]
    [InlineData(false, "the server ended it: it found nothing in common with what it was offered")]
    [InlineData(true, "connection error INADEQUATE_SECURITY: the cipher suite TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 must not be used with HTTP/2 (RFC 9113 section 9.2.2)")]
    [Requirement("9113-9.2.2-1")]
    [Requirement("9113-A-1")]
    [Requirement("grpc-security-2")]
    public async Task A_prohibited_cipher_suite_is_not_offered_and_not_accepted(bool systemDecides, string sentence)
    {
        await using var client = new Peer(tls: new ClientTls { Roots = TestCertificates.Roots, UsesSystemCipherSuites = systemDecides });
        SslStream server = await client.AcceptAsync();
        SslServerAuthenticationOptions options = RawTls.ServerOptions();
        options.EnabledSslProtocols = SslProtocols.Tls12;
        options.CipherSuitesPolicy = new CipherSuitesPolicy([TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256]);
        Task handshake = RawPeer.Within(server.AuthenticateAsServerAsync(options, TestContext.Current.CancellationToken), "the handshake");
        if (systemDecides)
        {
            await handshake;
            string all = Encoding.Latin1.GetString(await RawTls.ReadToEndAsync(server));
            Assert.StartsWith("PRI * HTTP/2.0", all, StringComparison.Ordinal);
            Assert.Contains("connection error INADEQUATE_SECURITY", all, StringComparison.Ordinal);
        }
        else
        {
            await Assert.ThrowsAsync<AuthenticationException>(() => handshake);
        }

        await client.AssertFailsAsync(sentence);
    }

    /// <summary>
    /// RFC 9113 section 9.2.3: no certificate request after the handshake. The client does not offer it (RFC 8446 section 4.2.6),
    /// so that a server's TLS doesn't even ask.
    /// </summary>
    [Fact]
    public async Task A_server_that_asks_for_a_certificate_after_the_handshake_gets_none()
    {
        await using var client = new Peer(new FakeTimeProvider(), new ClientTls(TestCertificates.Client) { Roots = TestCertificates.Roots });
        SslStream server = await client.AcceptAsync();
        await RawPeer.Within(server.AuthenticateAsServerAsync(RawTls.ServerOptions(), TestContext.Current.CancellationToken), "the handshake");

        // The client's preface and what goes with it, one record: with input unread, the server's TLS would not ask.
        Assert.NotEqual(0, await RawPeer.Within(server.ReadAsync(new byte[1024], TestContext.Current.CancellationToken).AsTask(), "the preface"));
        await Assert.ThrowsAsync<AuthenticationException>(() => RawPeer.Within(
            server.NegotiateClientCertificateAsync(TestContext.Current.CancellationToken), "an answer"));
    }

    /// <summary>
    /// RFC 9113 section 9.2.1: no renegotiation of TLS 1.2, which is how a server asks for a certificate there after the handshake. The
    /// client has one, and would show it in the handshake.
    /// </summary>
    [Fact]
    [Requirement("9113-9.2.1-2")]
    public async Task A_server_that_renegotiates_loses_the_connection()
    {
        await using var client = new Peer(new FakeTimeProvider(), new ClientTls(TestCertificates.Client) { Roots = TestCertificates.Roots });
        SslStream server = await client.AcceptAsync();
        SslServerAuthenticationOptions options = RawTls.ServerOptions();
        options.EnabledSslProtocols = SslProtocols.Tls12;
        await RawPeer.Within(server.AuthenticateAsServerAsync(options, TestContext.Current.CancellationToken), "the handshake");
        Assert.NotEqual(0, await RawPeer.Within(server.ReadAsync(new byte[1024], TestContext.Current.CancellationToken).AsTask(), "the preface"));
        Task asked = server.NegotiateClientCertificateAsync(TestContext.Current.CancellationToken);
        await client.AssertFailsAsync("the server started a renegotiation, which HTTP/2 forbids");
        await Assert.ThrowsAnyAsync<Exception>(() => RawPeer.Within(asked, "the end of the connection"));
        Assert.Null(server.RemoteCertificate);
    }

    [Theory]
    [InlineData("\0\0\u0012\u0004\0\0\0\0\0", "the server does not speak TLS on this port: use http:// (plaintext HTTP/2) or another port")]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "the server answered the TLS handshake with plaintext HTTP/1.x: it does not speak TLS on this port")]
    public async Task A_server_that_answers_in_plaintext_is_named(string answer, string sentence)
    {
        await using var client = new Peer();
        ITransport server = await client.AcceptTransportAsync();
        await server.Output.WriteAsync(Encoding.Latin1.GetBytes(answer), TestContext.Current.CancellationToken);
        await client.AssertFailsAsync("can't talk to memory:tls: " + sentence);
    }

    /// <summary>Our own server's plaintext port, which names the client in its log.</summary>
    [Fact]
    public async Task A_server_that_closes_at_the_first_octets_of_tls_may_not_speak_it()
    {
        await using var server = new TestServer();
        await using var client = new Peer();
        server.Core.Serve(await client.AcceptTransportAsync());
        await client.AssertFailsAsync("the TLS handshake with memory:tls failed: the server closed the connection in the middle of it; does it speak TLS on this port?");
        await TlsSetup.AssertLoggedAsync(server.Log, "The peer started a TLS handshake, but this port speaks HTTP/2 without TLS");
    }

    /// <summary>Row 43, at the other end.</summary>
    [Fact]
    public async Task A_handshake_that_never_ends_is_ended_by_the_connect_timeout()
    {
        var time = new FakeTimeProvider();
        await using var client = new Peer(time);
        ITransport server = await client.AcceptTransportAsync();
        await RawPeer.Within(server.Input.ReadAtLeastAsync(6, TestContext.Current.CancellationToken).AsTask(), "the ClientHello");
        time.Advance(TimeSpan.FromSeconds(19.999));
        Assert.False(client.Call.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.001));
        await client.AssertFailsAsync("memory:tls did not finish the TLS handshake within 20 s");
    }

    /// <summary>What connecting took is no longer there for the handshake.</summary>
    [Fact]
    public async Task Connecting_and_the_handshake_share_the_connect_timeout()
    {
        var time = new FakeTimeProvider();
        (ITransport near, ITransport far) = MemoryTransport.CreatePair("tls");
        await using var channel = MiniChannel.ForAddress("https://localhost:1", new MiniChannelOptions
        {
            Tls = new ClientTls(),
            TimeProvider = time,
            Connect = _ =>
            {
                time.Advance(TimeSpan.FromSeconds(15));
                return ValueTask.FromResult(near);
            },
        });
        Task<byte[]> call = channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, default, [1]).ResponseAsync;
        await RawPeer.Within(far.Input.ReadAtLeastAsync(6, TestContext.Current.CancellationToken).AsTask(), "the ClientHello");
        time.Advance(TimeSpan.FromSeconds(4.999));
        Assert.False(call.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.001));
        await TestChannel.AssertFailsAsync(call, StatusCode.Unavailable, "did not finish the TLS handshake within 5 s");
        await far.DisposeAsync();
    }

    [Fact]
    public async Task A_channel_that_is_closed_ends_a_handshake_under_way()
    {
        await using var client = new Peer();
        ITransport server = await client.AcceptTransportAsync();
        await server.Input.ReadAtLeastAsync(6, TestContext.Current.CancellationToken);
        Task closing = client.Channel.DisposeAsync().AsTask();
        Assert.Equal(StatusCode.Cancelled, (await TestChannel.FailureAsync(client.Call)).StatusCode);
        await server.Output.CompleteAsync();
        await RawPeer.Within(closing, "the channel to close");
    }

    /// <summary>The client starts the connection, and its call.</summary>
    private static async Task AssertCallsAsync(SslStream server)
    {
        byte[] preface = new byte[ConnectionPreface.Length];
        await RawPeer.Within(server.ReadExactlyAsync(preface, TestContext.Current.CancellationToken).AsTask(), "the preface");
        Assert.Equal(ConnectionPreface.Octets.ToArray(), preface);
        await server.WriteAsync(new byte[] { 0, 0, 0, (byte)FrameType.Settings, 0, 0, 0, 0, 0 }, TestContext.Current.CancellationToken);
        await RawTls.ReadToFrameAsync(server, FrameType.Headers);
    }

    /// <summary>A channel with a call that connects it, and the listener that it connects to.</summary>
    private sealed class Peer : IAsyncDisposable
    {
        private readonly MemoryEndPoint _endPoint = new("tls");
        private readonly ITransportListener _listener;
        private ITransport? _server;

        public Peer(TimeProvider? time = null, ClientTls? tls = null)
        {
            _listener = _endPoint.Listen();
            Channel = MiniChannel.ForEndPoint(_endPoint, new MiniChannelOptions
            {
                Tls = tls ?? new ClientTls { Roots = TestCertificates.Roots },
                TimeProvider = time ?? TimeProvider.System,
            });
            Call = Channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, default, [1]).ResponseAsync;
        }

        public MiniChannel Channel { get; }

        public Task<byte[]> Call { get; }

        public async Task<ITransport> AcceptTransportAsync() =>
            _server = (await RawPeer.Within(_listener.AcceptAsync().AsTask(), "the channel to connect"))!;

        public async Task<SslStream> AcceptAsync() => RawTls.On(await AcceptTransportAsync());

        public Task AssertFailsAsync(string detail) => TestChannel.AssertFailsAsync(Call, StatusCode.Unavailable, detail);

        public async ValueTask DisposeAsync()
        {
            if (_server is not null)
            {
                await _server.DisposeAsync();
            }

            await RawPeer.Within(Channel.DisposeAsync().AsTask(), "the channel to close");
            await _listener.DisposeAsync();
        }
    }
}
