using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>Whom both ends trust, what they say of those whom they don't, and what a handler learns of its client.</summary>
public class CertificateTests
{
    private static readonly ClientTls s_trusting = new() { Roots = TestCertificates.Roots };

    [Fact]
    public async Task A_certificate_of_an_authority_that_is_not_trusted_is_refused()
    {
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server));
        string detail = await setup.FailAsync(new ClientTls());
        Assert.Equal("the TLS handshake with memory:tls failed: the server's certificate 'CN=localhost' is not trusted: it leads to no authority that is trusted here", detail);
        await TlsSetup.AssertLoggedAsync(setup.Log, "the client closed the connection right after the TLS handshake; does it not trust the server's certificate?");
        Assert.Contains("is not trusted", await setup.FailAsync(new ClientTls { Roots = [TestCertificates.Stranger] }), StringComparison.Ordinal);
        await setup.CallAsync(s_trusting);
    }

    [Fact]
    public async Task A_certificate_that_has_expired_is_refused_and_says_when()
    {
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.ExpiredServer));
        string detail = await setup.FailAsync(s_trusting);
        Assert.Contains($"has expired: it was valid until {TestCertificates.ExpiredServer.NotAfter.ToUniversalTime():yyyy-MM-dd HH:mm} UTC", detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_that_is_not_valid_yet_is_refused_and_says_when()
    {
        DateTimeOffset from = DateTimeOffset.UtcNow.AddDays(1);
        using X509Certificate2 certificate = TestCertificates.Issue("CN=localhost", names => names.AddDnsName("localhost"), from: from, until: from.AddDays(1));
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(certificate));
        Assert.Contains($"is not valid yet: it will be from {from:yyyy-MM-dd HH:mm} UTC on", await setup.FailAsync(s_trusting), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_certificate_for_another_name_is_refused_unless_the_name_is_overridden()
    {
        using X509Certificate2 certificate = TestCertificates.Issue("CN=x", names =>
        {
            names.AddDnsName("one.test");
            names.AddDnsName("two.test");
        });
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(certificate));
        Assert.EndsWith("the server's certificate 'CN=x' is for 'one.test', 'two.test', not for 'localhost'", await setup.FailAsync(s_trusting), StringComparison.Ordinal);
        await setup.CallAsync(new ClientTls { Roots = TestCertificates.Roots, TargetHost = "two.test" });
    }

    [Fact]
    public async Task The_programs_own_check_counts_instead_of_ours()
    {
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.ExpiredServer));
        await setup.CallAsync(new ClientTls { ServerCertificateValidation = (_, certificate, _, _) => certificate?.Subject == "CN=localhost" });
        Assert.EndsWith(
            "the server's certificate was refused by the program's own check",
            await setup.FailAsync(new ClientTls { ServerCertificateValidation = (_, _, _, _) => false }),
            StringComparison.Ordinal);
        await using TlsSetup valid = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server));
        Assert.EndsWith(
            "the server's certificate was refused by the program's own check",
            await valid.FailAsync(new ClientTls { Roots = TestCertificates.Roots, ServerCertificateValidation = (_, _, _, _) => false }),
            StringComparison.Ordinal);
        Assert.EndsWith("no way", await setup.FailAsync(new ClientTls { ServerCertificateValidation = (_, _, _, _) => throw new FormatException("no way") }), StringComparison.Ordinal);
    }

    /// <summary>Who is let in by which mode. In TLS 1.3 the client learns of a refusal when it reads, after its handshake.</summary>
    [Theory]
    [InlineData(ClientCertificateMode.None, "none", null)]
    [InlineData(ClientCertificateMode.None, "stranger", null)]
    [InlineData(ClientCertificateMode.Request, "none", null)]
    [InlineData(ClientCertificateMode.Request, "valid", null)]
    [InlineData(ClientCertificateMode.Request, "stranger", "the client's certificate 'CN=eve' is not trusted: it leads to no authority that is trusted here")]
    [InlineData(ClientCertificateMode.Require, "none", "the client showed no certificate, which is required here")]
    [InlineData(ClientCertificateMode.Require, "valid", null)]
    [InlineData(ClientCertificateMode.Require, "stranger", "the client's certificate 'CN=eve' is not trusted: it leads to no authority that is trusted here")]
    [InlineData(ClientCertificateMode.Require, "forger", "the client's certificate 'CN=\"eve\\x0d\\x0aWarning: all is lost\"' is not trusted")]
    [InlineData(ClientCertificateMode.Require, "expired", "the client's certificate 'CN=ada' has expired")]
    public async Task Clients_are_let_in_by_their_certificates(ClientCertificateMode mode, string shown, string? objection)
    {
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server) { ClientCertificateMode = mode, ClientRoots = TestCertificates.Roots });
        ClientTls client = shown switch
        {
            "none" => s_trusting,
            "valid" => new ClientTls(TestCertificates.Client) { Roots = TestCertificates.Roots },
            "forger" => new ClientTls(TestCertificates.Issue("CN=\"eve\r\nWarning: all is lost\"", authority: TestCertificates.Stranger)) { Roots = TestCertificates.Roots },
            "stranger" => new ClientTls(TestCertificates.Issue("CN=eve", authority: TestCertificates.Stranger)) { Roots = TestCertificates.Roots },
            _ => new ClientTls(TestCertificates.Issue("CN=ada", until: DateTimeOffset.UtcNow.AddHours(-1))) { Roots = TestCertificates.Roots },
        };
        if (objection is null)
        {
            await setup.CallAsync(client);
            return;
        }

        Assert.Equal(
            "the connection to memory:tls broke: the server closed the connection right after the TLS handshake; does it require a client certificate, or not accept the one that it was shown?",
            await setup.FailAsync(client));
        await TlsSetup.AssertLoggedAsync(setup.Log, "the TLS handshake with memory:tls failed: " + objection);
    }

    [Fact]
    public async Task The_servers_own_check_of_clients_counts_instead_of_ours()
    {
        X509Certificate2 stranger = TestCertificates.Issue("CN=eve", authority: TestCertificates.Stranger);
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server)
        {
            ClientCertificateMode = ClientCertificateMode.Require,
            ClientCertificateValidation = (_, certificate, _, _) => certificate?.Subject == "CN=eve",
        });
        await setup.CallAsync(new ClientTls(stranger) { Roots = TestCertificates.Roots });
        await setup.FailAsync(new ClientTls(TestCertificates.Client) { Roots = TestCertificates.Roots });
        await TlsSetup.AssertLoggedAsync(setup.Log, "the client's certificate was refused by the program's own check");
    }

    /// <summary>The certificates of these tests can't be looked up in any list of revoked ones: where that is asked for, they are not accepted.</summary>
    [Fact]
    public async Task Revocation_is_checked_where_it_is_asked_for()
    {
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server)
        {
            ClientCertificateMode = ClientCertificateMode.Require,
            ClientRoots = TestCertificates.Roots,
            RevocationMode = X509RevocationMode.Offline,
        });
        Assert.EndsWith(
            "the server's certificate 'CN=localhost' can't be checked for revocation",
            await setup.FailAsync(new ClientTls(TestCertificates.Client) { Roots = TestCertificates.Roots, RevocationMode = X509RevocationMode.Offline }),
            StringComparison.Ordinal);
        await setup.FailAsync(new ClientTls(TestCertificates.Client) { Roots = TestCertificates.Roots });
        await TlsSetup.AssertLoggedAsync(setup.Log, "the client's certificate 'CN=ada, O=Engines' can't be checked for revocation");
    }

    /// <summary>
    /// Nothing is fetched from an address that a peer's certificate names, except by a client that trusts what the system trusts:
    /// there the system decides.
    /// </summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Chains_are_built_to_the_roots_that_were_given_and_without_downloads(bool ownRoots)
    {
        X509Certificate2Collection? roots = ownRoots ? TestCertificates.Roots : null;
        X509ChainTrustMode trust = ownRoots ? X509ChainTrustMode.CustomRootTrust : X509ChainTrustMode.System;
        X509ChainPolicy? ofServer = null;
        X509ChainPolicy? ofClient = null;
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server)
        {
            ClientCertificateMode = ClientCertificateMode.Require,
            ClientRoots = roots,
            ClientCertificateValidation = (_, _, chain, _) => (ofServer = chain!.ChainPolicy) is not null,
            RevocationMode = X509RevocationMode.Offline,
        });
        await setup.CallAsync(new ClientTls(TestCertificates.Client)
        {
            Roots = roots,
            ServerCertificateValidation = (_, _, chain, _) => (ofClient = chain!.ChainPolicy) is not null,
            RevocationMode = X509RevocationMode.Offline,
        });
        Assert.Equal((X509RevocationMode.Offline, true, trust), (ofServer!.RevocationMode, ofServer.DisableCertificateDownloads, ofServer.TrustMode));
        Assert.Equal((X509RevocationMode.Offline, ownRoots, trust), (ofClient!.RevocationMode, ofClient.DisableCertificateDownloads, ofClient.TrustMode));
    }

    /// <summary>As in Grpc.Core.</summary>
    [Fact]
    public async Task A_handler_learns_who_its_client_is()
    {
        AuthContext? context = null;
        await using TlsSetup setup = await TlsSetup.StartAsync(
            new ServerTls(TestCertificates.Server) { ClientCertificateMode = ClientCertificateMode.Request, ClientRoots = TestCertificates.Roots },
            (request, call) =>
            {
                context = call.AuthContext;
                return Task.FromResult(request);
            });
        await setup.CallAsync(new ClientTls(TestCertificates.Client) { Roots = TestCertificates.Roots });
        Assert.True(context!.IsPeerAuthenticated);
        Assert.Equal("x509_subject_alternative_name", context.PeerIdentityPropertyName);
        Assert.Equal(["ada.test", "spiffe://test/ada", "ada@test", "10.0.0.1"], context.PeerIdentity.Select(property => property.Value).OrderBy(Order));
        Assert.Equal("ada", Assert.Single(context.FindPropertiesByName("x509_common_name")).Value);
        Assert.Equal("ssl", Assert.Single(context.FindPropertiesByName("transport_security_type")).Value);
        Assert.Equal(TestCertificates.Client.ExportCertificatePem(), Assert.Single(context.FindPropertiesByName("x509_pem_cert")).Value);

        await setup.CallAsync(s_trusting);
        Assert.False(context.IsPeerAuthenticated);
        Assert.Equal("ssl", Assert.Single(context.Properties).Value);
    }

    [Fact]
    public async Task A_handler_whose_client_is_gone_still_learns_who_it_was()
    {
        var started = new TaskCompletionSource();
        var identity = new TaskCompletionSource<string>();
        await using TlsSetup setup = await TlsSetup.StartAsync(
            new ServerTls(TestCertificates.Server) { ClientCertificateMode = ClientCertificateMode.Require, ClientRoots = TestCertificates.Roots },
            async (request, call) =>
            {
                await Engine.TestService.UntilCancelledAsync(call, started);
                try
                {
                    identity.SetResult(call.AuthContext.FindPropertiesByName("x509_common_name").Single().Value);
                }
                catch (Exception e)
                {
                    identity.SetException(e);
                }

                return request;
            });
        MiniChannel channel = setup.Connect(new ClientTls(TestCertificates.Client) { Roots = TestCertificates.Roots });
        Task<byte[]> call = TlsSetup.CallAsync(channel, [1]);
        await Engine.RawPeer.Within(started.Task, "the handler to start");
        await channel.DisposeAsync();
        Assert.Equal("ada", await identity.Task.WithinLimit("the handler's answer"));
        await Assert.ThrowsAsync<RpcException>(() => call);
    }

    /// <summary>RFC 6066 section 3, RFC 9113 section 9.2.1: the client tells the host's name, and the server chooses by it.</summary>
    [Fact]
    [Requirement("9113-9.2-3")]
    [Requirement("9113-9.2-4")]
    [Requirement("grpc-security-3")]
    public async Task The_certificate_is_chosen_by_the_name_that_the_client_asks_for()
    {
        List<string> asked = [];
        Dictionary<string, System.Net.Security.SslStreamCertificateContext> certificates = new[] { "one.test", "two.test" }.ToDictionary(
            name => name,
            name => System.Net.Security.SslStreamCertificateContext.Create(TestCertificates.Issue("CN=" + name, names => names.AddDnsName(name)), null, offline: true));
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(name =>
        {
            asked.Add(name);
            return name == "bad.test" ? throw new FormatException("what a name") : certificates.GetValueOrDefault(name);
        }));
        foreach (string name in certificates.Keys)
        {
            await setup.CallAsync(new ClientTls { Roots = TestCertificates.Roots, TargetHost = name });
        }

        await setup.FailAsync(new ClientTls { Roots = TestCertificates.Roots, TargetHost = "three.test" });
        await TlsSetup.AssertLoggedAsync(setup.Log, "there is no certificate for the host name 'three.test' that the client asked for");
        await setup.FailAsync(new ClientTls { Roots = TestCertificates.Roots, TargetHost = "bad.test" });
        await TlsSetup.AssertLoggedAsync(setup.Log, "what a name");
        await setup.FailAsync(new ClientTls { Roots = TestCertificates.Roots, TargetHost = "127.0.0.1" });
        Assert.Equal(["one.test", "two.test", "three.test", "bad.test", ""], asked);
    }

    [Fact]
    public void A_certificate_without_its_key_is_refused_at_once()
    {
        X509Certificate2 bare = TestCertificates.WithoutKey(TestCertificates.Server);
        Assert.Contains("'CN=localhost' has no private key", Assert.Throws<ArgumentException>(() => new ServerTls(bare)).Message, StringComparison.Ordinal);
        Assert.Contains("'CN=localhost' has no private key", Assert.Throws<ArgumentException>(() => new ClientTls(bare)).Message, StringComparison.Ordinal);
    }

    /// <summary>The certificates that lead to the root are in the same file, and are sent along.</summary>
    [Fact]
    public async Task Certificates_are_read_from_pem_files()
    {
        string folder = Directory.CreateTempSubdirectory("minigrpc-pem-").FullName;
        string Write(string name, params string[] parts)
        {
            string path = Path.Combine(folder, name);
            File.WriteAllText(path, string.Join('\n', parts));
            return path;
        }

        (X509Certificate2 leaf, X509Certificate2 between) = TestCertificates.IssueByIntermediate("CN=localhost", "localhost");
        string key = leaf.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem();
        string roots = Write("roots.pem", TestCertificates.Stranger.ExportCertificatePem(), TestCertificates.Authority.ExportCertificatePem());
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(
            PemFiles.LoadCertificate(Write("server.pem", leaf.ExportCertificatePem(), between.ExportCertificatePem()), Write("server.key", key))));
        await setup.CallAsync(new ClientTls { Roots = PemFiles.LoadRoots(roots) });
        Directory.Delete(folder, recursive: true);
    }

    private static int Order(string name) => name switch
    {
        "ada.test" => 0,
        "spiffe://test/ada" => 1,
        "ada@test" => 2,
        _ => 3,
    };
}
