using System.Net.Security;
using System.Security.Authentication;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

#pragma warning disable CA1416 // tests run on Linux

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>RFC 9113 sections 3.2 and 9.2 on a server: which handshakes it takes, what it says of the others, and how long it waits.</summary>
public class ServerHandshakeTests
{
    /// <summary>RFC 9113 sections 3.2 and 9.2.</summary>
    [Theory]
    [InlineData(SslProtocols.Tls12)]
    [InlineData(SslProtocols.Tls13)]
    [Requirement("9113-3.2-2")]
    [Requirement("9113-9.2-1")]
    [Requirement("9113-9.2.2-2")]
    [Requirement("grpc-security-1")]
    public async Task A_client_with_h2_and_tls_1_2_or_1_3_is_served(SslProtocols version)
    {
        await using var server = new TestServer();
        SslStream client = RawTls.On(Connect(server));
        SslClientAuthenticationOptions options = RawTls.ClientOptions();
        options.EnabledSslProtocols = version;
        await RawPeer.Within(client.AuthenticateAsClientAsync(options, default), "the handshake");
        Assert.Equal((version, SslApplicationProtocol.Http2), (client.SslProtocol, client.NegotiatedApplicationProtocol));
        await AssertServedAsync(client);
    }

    /// <summary>RFC 9113 section 9.2.2: the one cipher suite that every deployment of TLS 1.2 has. The curve is not for us to choose.</summary>
    [Fact]
    [Requirement("9113-9.2.2-3")]
    public async Task A_client_with_the_mandatory_cipher_suite_alone_is_served()
    {
        await using var server = new TestServer();
        SslStream client = RawTls.On(Connect(server));
        const TlsCipherSuite Mandatory = TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
        await RawPeer.Within(client.AuthenticateAsClientAsync(With(Mandatory), default), "the handshake");
        Assert.Equal((SslProtocols.Tls12, Mandatory), (client.SslProtocol, client.NegotiatedCipherSuite));
        await AssertServedAsync(client);
    }

    /// <summary>RFC 9113 section 3.2: HTTP/2 over TLS has to be negotiated.</summary>
    [Fact]
    [Requirement("9113-3.3-1")]
    public async Task A_client_without_alpn_is_turned_away_in_good_order()
    {
        await using var server = new TestServer(options => options.TimeProvider = new FakeTimeProvider()); // it does not give up waiting for this client's end
        SslStream client = RawTls.On(Connect(server));
        SslClientAuthenticationOptions options = RawTls.ClientOptions();
        options.ApplicationProtocols = null;
        await RawPeer.Within(client.AuthenticateAsClientAsync(options, default), "the handshake");
        Assert.Equal(0, await RawPeer.Within(client.ReadAsync(new byte[1], TestContext.Current.CancellationToken).AsTask(), "close_notify"));
        await TlsSetup.AssertLoggedAsync(server.Log, "the TLS handshake with memory:test failed: the client did not agree on HTTP/2: the protocol 'h2' has to be negotiated by ALPN");
    }

    /// <summary>RFC 7301 section 3.2: no protocol in common is an alert, no_application_protocol.</summary>
    [Fact]
    [Requirement("9113-3.2-1")]
    public async Task A_client_that_offers_other_protocols_is_turned_away_with_an_alert()
    {
        await using var server = new TestServer();
        SslStream client = RawTls.On(Connect(server));
        SslClientAuthenticationOptions options = RawTls.ClientOptions();
        options.ApplicationProtocols = [SslApplicationProtocol.Http11, new SslApplicationProtocol("h2c")];
        Exception e = await Assert.ThrowsAnyAsync<Exception>(() => RawPeer.Within(client.AuthenticateAsClientAsync(options, default), "the handshake"));
        Assert.Contains("no application protocol", e.ToString(), StringComparison.Ordinal);
        await TlsSetup.AssertLoggedAsync(server.Log, "the client offers no protocol by ALPN that is spoken here; gRPC needs 'h2'");
    }

    /// <summary>RFC 9113 section 9.2: TLS 1.2 or newer. The ClientHello of TLS 1.1 is written by hand, since no library makes it any more.</summary>
    [Fact]
    [Requirement("9113-9.2-1")]
    [Requirement("grpc-security-1")]
    public async Task Tls_1_1_is_turned_away_with_an_alert()
    {
        await using var server = new TestServer();
        ITransport transport = Connect(server);
        byte[] hello =
        [
            22, 3, 1, 0, 45, // handshake record
            1, 0, 0, 41, // ClientHello
            3, 2, .. new byte[32], // TLS 1.1, random
            0, // no session
            0, 2, 0xc0, 0x13, // TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA
            1, 0, // no compression
        ];
        await transport.Output.WriteAsync(hello, TestContext.Current.CancellationToken);
        byte[] answer = await RawTls.ReadToEndAsync(transport.Input.AsStream());
        Assert.Equal((21, 70), (answer[0], answer[6])); // an alert, protocol_version (RFC 8446 section 6)
        await TlsSetup.AssertLoggedAsync(server.Log, "the client wants another version of TLS than 1.2 and 1.3");
    }

    /// <summary>RFC 9113 section 9.2.2 and Appendix A.</summary>
    [Theory]
    [InlineData(TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256)]
    [InlineData(TlsCipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256)]
    [Requirement("9113-9.2.2-1")]
    [Requirement("9113-A-1")]
    [Requirement("grpc-security-2")]
    public async Task A_client_with_prohibited_cipher_suites_alone_is_turned_away(TlsCipherSuite suite)
    {
        await using var server = new TestServer();
        SslStream client = RawTls.On(Connect(server));
        await Assert.ThrowsAsync<AuthenticationException>(() => RawPeer.Within(client.AuthenticateAsClientAsync(With(suite), default), "the handshake"));
        await TlsSetup.AssertLoggedAsync(server.Log, "the client offers no cipher suite that HTTP/2 permits");
    }

    /// <summary>RFC 9113 section 9.2.2: INADEQUATE_SECURITY. Where the system chooses, the choice is looked at.</summary>
    [Fact]
    [Requirement("9113-9.2.2-1")]
    [Requirement("9113-A-1")]
    public async Task A_prohibited_cipher_suite_that_the_system_chose_is_inadequate_security()
    {
        await using var server = new TestServer();
        SslStream client = RawTls.On(Connect(server, new ServerTls(TestCertificates.Server) { UsesSystemCipherSuites = true }));
        await RawPeer.Within(client.AuthenticateAsClientAsync(With(TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256), default), "the handshake");
        byte[] all = await RawTls.ReadToEndAsync(client);
        var settings = FrameHeader.Read(all);
        Assert.Equal(FrameType.Settings, settings.Type);
        string goAway = Encoding.UTF8.GetString(all);
        Assert.Contains(
            "connection error INADEQUATE_SECURITY: the cipher suite TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256 must not be used with HTTP/2 (RFC 9113 section 9.2.2)",
            goAway,
            StringComparison.Ordinal);
        await TlsSetup.AssertLoggedAsync(server.Log, "memory:test is not secure enough");
    }

    /// <summary>Row 43: one deadline for TLS, preface and SETTINGS; what is not there by then costs nothing any more.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("16")]
    [InlineData("16030100c8010000c40303")]
    public async Task A_handshake_that_never_ends_is_ended_after_ten_seconds(string octets)
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        ITransport transport = Connect(server);
        await transport.Output.WriteAsync(Convert.FromHexString(octets), TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromSeconds(9.999));
        Assert.Single(Internals.ConnectionsOf(server.Core));
        time.Advance(TimeSpan.FromSeconds(0.001));
        await TlsSetup.AssertLoggedAsync(server.Log, "memory:test did not finish the TLS handshake within 10 s");
        await RawTls.ReadToEndAsync(transport.Input.AsStream());
        await AssertForgottenAsync(server, time);
    }

    [Fact]
    public async Task A_preface_that_never_comes_is_waited_for_only_as_long_as_the_handshake_has_left()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        SslStream client = RawTls.On(Connect(server));
        time.Advance(TimeSpan.FromSeconds(9));
        await RawPeer.Within(client.AuthenticateAsClientAsync(RawTls.ClientOptions(), default), "the handshake");
        await Eventually.IsTrueAsync(() => Internals.IsOpen(server.Core), "the server's end of the handshake");
        time.Advance(TimeSpan.FromSeconds(1));
        await TlsSetup.AssertLoggedAsync(server.Log, "memory:test sent no HTTP/2 preface and SETTINGS within 10 s");
        await AssertForgottenAsync(server, time);
    }

    /// <summary>Row 43: handshakes are not the accept loop's business.</summary>
    [Fact]
    public async Task A_client_that_never_starts_its_handshake_holds_up_no_other()
    {
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server), time: new FakeTimeProvider());
        ITransport silent = ((MemoryEndPoint)setup.EndPoint).Connect();
        await setup.CallAsync(new ClientTls { Roots = TestCertificates.Roots });
        await silent.Output.CompleteAsync();
    }

    /// <summary>The program's callbacks run on the pool, though all that the handshake needs has come in before.</summary>
    [Fact]
    public async Task A_certificate_that_takes_long_to_choose_does_not_hold_up_who_accepts()
    {
        await using var server = new TestServer();
        using var chosen = new ManualResetEventSlim();
        var certificate = SslStreamCertificateContext.Create(TestCertificates.Server, null, offline: true);
        (ITransport near, ITransport far) = MemoryTransport.CreatePair("test");
        Task handshake = RawTls.On(near).AuthenticateAsClientAsync(RawTls.ClientOptions(), default);
        ITransportSecurity slow = new ServerTls(_ =>
        {
            chosen.Wait(TestContext.Current.CancellationToken);
            return certificate;
        });
        await RawPeer.Within(Task.Run(() => server.Core.Serve(slow.Secure(far))), "the server to go on accepting");
        chosen.Set();
        await RawPeer.Within(handshake, "the handshake");
    }

    [Fact]
    public async Task A_shutdown_does_not_wait_for_handshakes_under_way()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        ITransport transport = Connect(server);
        await transport.Output.WriteAsync(new byte[] { 22, 3 }, TestContext.Current.CancellationToken);
        server.Core.BeginShutdown();
        await AssertForgottenAsync(server, time);
        await RawPeer.Within(server.Core.Drained, "the server to be drained");
    }

    [Fact]
    public async Task A_server_that_is_killed_ends_handshakes_under_way()
    {
        await using var server = new TestServer();
        ITransport transport = Connect(server);
        await transport.Output.WriteAsync(new byte[] { 22, 3 }, TestContext.Current.CancellationToken);
        server.Core.Abort("stopped");
        await RawTls.ReadToEndAsync(transport.Input.AsStream());
        await transport.Output.CompleteAsync();
        await RawPeer.Within(server.Core.Drained, "the server to be drained");
    }

    /// <summary>Who comes with plaintext is named, however few octets come at a time.</summary>
    [Theory]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "The peer started plaintext HTTP/2, but this port expects TLS: use https:// on the client.", false)]
    [InlineData("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "The peer started plaintext HTTP/2, but this port expects TLS: use https:// on the client.", true)]
    [InlineData("SSH-2.0-OpenSSH_9.2\r\n", "The peer sent something that is neither TLS nor HTTP.", false)]
    public async Task A_client_that_comes_with_plaintext_is_named_in_the_log(string start, string sentence, bool octetByOctet)
    {
        await using var server = new TestServer();
        ITransport transport = Connect(server);
        foreach (byte[] piece in Encoding.ASCII.GetBytes(start).Chunk(octetByOctet ? 1 : 100))
        {
            await transport.Output.WriteAsync(piece, TestContext.Current.CancellationToken);
        }

        Assert.Empty(await RawTls.ReadToEndAsync(transport.Input.AsStream()));
        await TlsSetup.AssertLoggedAsync(server.Log, "Warning: memory:test does not speak TLS: " + sentence);
    }

    [Fact]
    public async Task An_http1_request_in_plaintext_is_answered_in_its_own_language()
    {
        await using var server = new TestServer();
        ITransport transport = Connect(server);
        await transport.Output.WriteAsync(Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), TestContext.Current.CancellationToken);
        string answer = Encoding.ASCII.GetString(await RawTls.ReadToEndAsync(transport.Input.AsStream()));
        Assert.StartsWith("HTTP/1.1 400 Bad Request\r\n", answer, StringComparison.Ordinal);
        Assert.EndsWith("This port speaks gRPC over HTTP/2 with TLS, and no HTTP/1.x.\n", answer, StringComparison.Ordinal);
        await TlsSetup.AssertLoggedAsync(server.Log, "The peer sent a plaintext HTTP/1.x request, but this port speaks only HTTP/2, and with TLS.");
    }

    [Fact]
    public async Task A_client_that_closes_in_the_middle_of_the_handshake_is_named_in_the_log()
    {
        await using var server = new TestServer();
        ITransport transport = Connect(server);
        await transport.Output.WriteAsync(new byte[] { 22, 3, 1, 0 }, TestContext.Current.CancellationToken);
        await transport.Output.CompleteAsync();
        await RawTls.ReadToEndAsync(transport.Input.AsStream());
        await TlsSetup.AssertLoggedAsync(server.Log, "the TLS handshake with memory:test failed: the client closed the connection in the middle of it");
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(server.Core).Length == 0, "the connection to be forgotten");
    }

    private static ITransport Connect(TestServer server, ServerTls? tls = null)
    {
        (ITransport client, ITransport secured) = MemoryTransport.CreatePair("test");
        server.Core.Serve(((ITransportSecurity)(tls ?? new ServerTls(TestCertificates.Server))).Secure(secured));
        return client;
    }

    private static SslClientAuthenticationOptions With(TlsCipherSuite suite)
    {
        SslClientAuthenticationOptions options = RawTls.ClientOptions();
        options.EnabledSslProtocols = SslProtocols.Tls12;
        options.CipherSuitesPolicy = new CipherSuitesPolicy([suite]);
        return options;
    }

    private static async Task AssertServedAsync(SslStream client)
    {
        byte[] start = [.. ConnectionPreface.Octets, 0, 0, 0, (byte)FrameType.Settings, 0, 0, 0, 0, 0];
        await client.WriteAsync(start, TestContext.Current.CancellationToken);
        await RawTls.ReadToFrameAsync(client, FrameType.Settings, FrameFlags.Ack);
    }

    /// <summary>The moments that a connection's end may take pass, until nothing of it is left.</summary>
    private static Task AssertForgottenAsync(TestServer server, FakeTimeProvider time) => Eventually.IsTrueAsync(
        () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return Internals.ConnectionsOf(server.Core).Length == 0;
        },
        "the connection to be forgotten");
}
