using System.IO.Pipelines;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;
using MiniGrpc.Wire.Transport.Tls;

#pragma warning disable CA1416 // tests run on Linux

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>Connections over TLS once they are there: what they carry, and how they end.</summary>
public class TlsConnectionTests
{
    private static readonly ClientTls s_trusting = new() { Roots = TestCertificates.Roots };

    [Theory]
    [InlineData("tcp")]
    [InlineData("unix")]
    [InlineData("memory")]
    public async Task Large_messages_cross_both_ways_over_every_transport(string transport)
    {
        EndPoint endPoint = transport switch
        {
            "tcp" => new IPEndPoint(IPAddress.Loopback, 0),
            "unix" => new UnixDomainSocketEndPoint(Path.Combine(Path.GetTempPath(), $"minigrpc-{Guid.NewGuid():N}.sock")),
            _ => new MemoryEndPoint(),
        };
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server), endPoint: endPoint);
        // The certificate is for localhost and 127.0.0.1, which is where all of these are.
        MiniChannel channel = setup.Connect(s_trusting);
        byte[][] messages = [.. Enumerable.Range(0, 4).Select(i => RandomBytes(i, 3_000_000 + i))];
        byte[][] echoes = await Task.WhenAll(messages.Select(message => TlsSetup.CallAsync(channel, message)));
        Assert.All(messages.Zip(echoes), pair => Assert.True(pair.First.AsSpan().SequenceEqual(pair.Second)));
    }

    [Fact]
    public async Task Addresses_say_https_and_can_be_connected_to()
    {
        await using GrpcServer server = new();
        server.Services.Add(Surface.EchoService.Bind());
        server.Listen("https://127.0.0.1:0", new ServerTls(TestCertificates.Server));
        server.Listen("https://*:0", new ServerTls(TestCertificates.Server));
        server.Listen("http://127.0.0.1:0");
        await server.StartAsync();
        Assert.Equal([$"https://127.0.0.1:{server.Ports[0]}", $"https://[::1]:{server.Ports[1]}", $"http://127.0.0.1:{server.Ports[2]}"], server.Addresses);
        await using var channel = MiniChannel.ForAddress(server.Addresses[0], new MiniChannelOptions { Tls = s_trusting });
        Assert.Equal([1], await TlsSetup.CallAsync(channel, [1]));
        await using var byName = MiniChannel.ForAddress($"https://localhost:{server.Ports[0]}", new MiniChannelOptions { Tls = s_trusting });
        Assert.Equal([1], await TlsSetup.CallAsync(byName, [1]));
    }

    [Fact]
    public void An_address_and_the_tls_object_have_to_agree()
    {
        GrpcServer server = new();
        AssertSays("'https://localhost:1': TLS needs a certificate; write Listen(address, new ServerTls(certificate))", () => server.Listen("https://localhost:1"));
        AssertSays("'http://localhost:1': http:// is plaintext; write https://", () => server.Listen("http://localhost:1", new ServerTls(TestCertificates.Server)));
        AssertSays("'https://localhost:1': for TLS set MiniChannelOptions.Tls to a new ClientTls()", () => MiniChannel.ForAddress("https://localhost:1"));
        AssertSays(
            "'http://localhost:1': http:// is plaintext, but MiniChannelOptions.Tls is set; write https://",
            () => MiniChannel.ForAddress("http://localhost:1", new MiniChannelOptions { Tls = s_trusting }));
    }

    /// <summary>RFC 8446 section 6.1: close_notify tells the end from a cut.</summary>
    [Fact]
    public async Task A_shutdown_ends_with_close_notify()
    {
        await using var server = new TestServer();
        (SslStream client, ITransport transport) = await ConnectAsync(server, SslProtocols.Tls12); // in 1.3 the type of a record can't be seen
        await client.WriteAsync(ConnectionPreface.Octets.ToArray(), TestContext.Current.CancellationToken);
        await client.WriteAsync(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0 }, TestContext.Current.CancellationToken);
        await client.WriteAsync(new byte[] { 0, 0, 0, 6, 0, 0, 0, 0, 0 }, TestContext.Current.CancellationToken); // PING without its octets
        byte[] records = await RawTls.ReadToEndAsync(transport.Input.AsStream());
        List<byte> types = [];
        for (int i = 0; i < records.Length; i += 5 + (records[i + 3] << 8) + records[i + 4])
        {
            types.Add(records[i]);
        }

        Assert.Equal((23, 21), (types[0], types[^1])); // application data, and an alert at the end
        await client.ShutdownAsync();
        await transport.Output.CompleteAsync();
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(server.Core).Length == 0, "the connection to be forgotten");
    }

    /// <summary>TLS can't always say close_notify, such as in the middle of a renegotiation; the peer must see the end even then.</summary>
    [Fact]
    public async Task A_direction_ends_though_close_notify_fails()
    {
        var below = new Pipe();
        await using var stream = new BusyStream();
        await new TlsPipeWriter(stream, new TlsTurns(), below.Writer).CompleteAsync();
        Assert.True((await RawPeer.Within(below.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "the end")).IsCompleted);
    }

    /// <summary>Without close_notify, in the middle of a record, or with octets that are no record: nothing throws or hangs.</summary>
    [Theory]
    [InlineData("", "closed the connection in the middle of a frame")]
    [InlineData("170303", "the client closed the connection in the middle of it")]
    [InlineData("1703030010000102030405060708090a0b0c0d0e0f", "bad record")]
    public async Task A_connection_that_is_cut_is_forgotten(string last, string logged)
    {
        await using var server = new TestServer();
        (SslStream client, ITransport transport) = await ConnectAsync(server);
        await client.WriteAsync(ConnectionPreface.Octets.ToArray(), TestContext.Current.CancellationToken);
        await client.WriteAsync(new byte[] { 0, 0, 0, 4, 0, 0, 0, 0, 0, 0 }, TestContext.Current.CancellationToken);
        await transport.Output.WriteAsync(Convert.FromHexString(last), TestContext.Current.CancellationToken);
        await transport.Output.CompleteAsync();
        await TlsSetup.AssertLoggedAsync(server.Log, logged);
        await transport.Input.CompleteAsync();
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(server.Core).Length == 0, "the connection to be forgotten");
    }

    /// <summary>RFC 9113 section 9.2.2: what is offered authenticates what it encrypts, and agrees on a key for one connection.</summary>
    [Fact]
    [Requirement("9113-9.2-2")]
    [Requirement("9113-9.2.2-3")]
    public void The_cipher_suites_of_tls_1_2_that_are_offered_are_ephemeral_and_authenticated()
    {
        string[] offered = [.. CipherSuites.Policy!.AllowedCipherSuites.Select(suite => suite.ToString()).Where(suite => suite.Contains("_WITH_", StringComparison.Ordinal))];
        Assert.Contains("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", offered); // the one that every endpoint must have
        Assert.All(offered, suite => Assert.Matches("^TLS_ECDHE_(RSA|ECDSA)_WITH_.*(_GCM_|CHACHA20_POLY1305)", suite));
        Assert.All(offered, suite => Assert.True(CipherSuites.IsPermitted(SslProtocols.Tls12, Enum.Parse<TlsCipherSuite>(suite))));
    }

    /// <summary>
    /// RFC 9113 section 9.2.2: INADEQUATE_SECURITY is for the suites of Appendix A, and must not be sent for others, whoever has chosen
    /// them. By its closing note the Appendix has those without an ephemeral key and those that are no AEAD, of all that were registered
    /// when it was written, the last of which has number 0xC0AF.
    /// </summary>
    [Fact]
    [Requirement("9113-9.2.2-1")]
    [Requirement("9113-9.2.2-2")]
    [Requirement("9113-A-1")]
    public void The_cipher_suites_of_tls_1_2_that_are_refused_are_those_of_appendix_a_and_no_others()
    {
        TlsCipherSuite[] suites = [.. Enum.GetValues<TlsCipherSuite>().Where(suite => suite < TlsCipherSuite.TLS_AES_128_GCM_SHA256 || (int)suite > 0xC000)];
        Assert.Equal(
            suites.Where(suite => (int)suite <= 0xC0AF && !Regex.IsMatch(suite.ToString(), "^TLS_(ECDHE|DHE|PSK_DHE)_.*(_GCM_|_CCM)")),
            suites.Where(suite => !CipherSuites.IsPermitted(SslProtocols.Tls12, suite)));
        Assert.True(CipherSuites.IsPermitted(SslProtocols.Tls12, TlsCipherSuite.TLS_DHE_RSA_WITH_AES_128_GCM_SHA256));
        Assert.True(CipherSuites.IsPermitted(SslProtocols.Tls12, TlsCipherSuite.TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256));
        Assert.True(CipherSuites.IsPermitted(SslProtocols.Tls12, TlsCipherSuite.TLS_ECDHE_ECDSA_WITH_AES_256_CCM_8));
        Assert.False(CipherSuites.IsPermitted(SslProtocols.Tls12, TlsCipherSuite.TLS_RSA_WITH_AES_128_GCM_SHA256));
        Assert.False(CipherSuites.IsPermitted(SslProtocols.Tls12, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256));
        Assert.True(CipherSuites.IsPermitted(SslProtocols.Tls13, TlsCipherSuite.TLS_AES_128_CCM_SHA256));
#pragma warning disable SYSLIB0039, CA5397 // what is asked is whether they are refused
        Assert.False(CipherSuites.IsPermitted(SslProtocols.Tls11, TlsCipherSuite.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256));
#pragma warning restore SYSLIB0039, CA5397
    }

    private static async Task<(SslStream Client, ITransport Transport)> ConnectAsync(TestServer server, SslProtocols version = SslProtocols.None)
    {
        (ITransport client, ITransport secured) = MemoryTransport.CreatePair("test");
        server.Core.Serve(((ITransportSecurity)new ServerTls(TestCertificates.Server)).Secure(secured));
        SslStream stream = RawTls.On(client);
        SslClientAuthenticationOptions options = RawTls.ClientOptions();
        options.EnabledSslProtocols = version;
        await RawPeer.Within(stream.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken), "the handshake");
        return (stream, client);
    }

    private static void AssertSays(string sentence, Action action) =>
        Assert.StartsWith(sentence, Assert.Throws<ArgumentException>(action).Message, StringComparison.Ordinal);

    private static byte[] RandomBytes(int seed, int length)
    {
        byte[] bytes = new byte[length];
        new Random(seed).NextBytes(bytes);
        return bytes;
    }

    private sealed class BusyStream() : SslStream(new MemoryStream())
    {
        public override Task ShutdownAsync() => Task.FromException(new CryptographicException("shutdown while in init"));
    }
}
