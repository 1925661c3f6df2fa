using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>A server's certificate is renewed while the server runs.</summary>
public class RenewalTests
{
    private static readonly X509Certificate2 s_renewed = TestCertificates.Issue("CN=localhost, O=Renewed", names => names.AddDnsName("localhost"));

    [Fact]
    public async Task New_connections_are_shown_the_new_certificate_and_those_there_are_go_on()
    {
        ServerTls tls = new(TestCertificates.Server);
        await using TlsSetup setup = await TlsSetup.StartAsync(tls);
        var (before, seenBefore) = Connect(setup);
        using AsyncDuplexStreamingCall<byte[], byte[]> call = before.CreateCallInvoker().AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        await AssertEchoesAsync(call, 1);

        tls.ReplaceCertificate(s_renewed);

        var (after, seenAfter) = Connect(setup);
        await TlsSetup.CallAsync(after, [1]);
        Assert.Equal([s_renewed.Thumbprint], seenAfter);
        await AssertEchoesAsync(call, 2);
        await TlsSetup.CallAsync(before, [1]);
        Assert.Equal([TestCertificates.Server.Thumbprint], seenBefore);
        Assert.Single(before.Core.Connections);
    }

    [Fact]
    public async Task What_cannot_be_shown_is_refused_and_the_old_one_stays()
    {
        ServerTls tls = new(TestCertificates.Server);
        await using TlsSetup setup = await TlsSetup.StartAsync(tls);
        Assert.Throws<ArgumentException>(() => tls.ReplaceCertificate(TestCertificates.WithoutKey(s_renewed)));
        Assert.Throws<ArgumentNullException>(() => tls.ReplaceCertificate((System.Net.Security.SslStreamCertificateContext)null!));
        var (channel, seen) = Connect(setup);
        await TlsSetup.CallAsync(channel, [1]);
        Assert.Equal([TestCertificates.Server.Thumbprint], seen);
    }

    [Fact]
    public void Where_certificates_are_chosen_by_name_none_is_replaced()
    {
        ServerTls tls = new(_ => null);
        Assert.Contains("chooses one", Assert.Throws<InvalidOperationException>(() => tls.ReplaceCertificate(s_renewed)).Message, StringComparison.Ordinal);
    }

    /// <summary>The other way: whoever chooses is asked for each connection.</summary>
    [Fact]
    public async Task A_certificate_that_is_chosen_is_chosen_for_each_connection()
    {
        var contexts = new[] { TestCertificates.Server, s_renewed }.Select(one => System.Net.Security.SslStreamCertificateContext.Create(one, null, offline: true)).ToArray();
        int next = 0;
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(_ => contexts[next++]));
        foreach (X509Certificate2 expected in new[] { TestCertificates.Server, s_renewed })
        {
            var (channel, seen) = Connect(setup);
            await TlsSetup.CallAsync(channel, [1]);
            Assert.Equal([expected.Thumbprint], seen);
        }
    }

    /// <summary>A channel that trusts the tests' authority, and the certificates that its connections were shown.</summary>
    private static (MiniChannel Channel, List<string> Seen) Connect(TlsSetup setup)
    {
        List<string> seen = [];
        return (setup.Connect(new ClientTls
        {
            Roots = TestCertificates.Roots,
            ServerCertificateValidation = (_, certificate, _, errors) =>
            {
                seen.Add(((X509Certificate2)certificate!).Thumbprint);
                return errors == System.Net.Security.SslPolicyErrors.None;
            },
        }), seen);
    }

    private static async Task AssertEchoesAsync(AsyncDuplexStreamingCall<byte[], byte[]> call, byte octet)
    {
        await call.RequestStream.WriteAsync([octet], TestContext.Current.CancellationToken);
        Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the echo"));
        Assert.Equal([octet], call.ResponseStream.Current);
    }
}
