using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using Grpc.Core;
using Grpc.Net.Client;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.PythonPrograms;
using MiniGrpc.Conformance.Wire.Tls;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Interop.Auth;

/// <summary>Certificates and tokens between our ends and the official ones, over TLS.</summary>
public sealed class AuthTests
{
    private const string CommonName = "x509_common_name";
    private const string AlternativeName = "x509_subject_alternative_name";

    /// <summary>Those of the channel, composed of two, and those of the call; and what they are told is the same, whoever asks.</summary>
    [Theory, Matrix]
    public async Task Tokens_of_channel_and_call_arrive(IClientPeer client, IServerPeer server)
    {
        await using IRunningServer running = await StartAsync(server, requireCertificate: false);
        await using IClientChannel channel = client.Connect(running.Address, new ClientSetup { CallCredentials = CallCredentials.Compose(Adding("one"), Adding("two")) });

        Who who = await AskAsync(channel, new CallOptions(credentials: CallCredentials.FromInterceptor(async (context, metadata) =>
        {
            await Task.Yield(); // a token seldom is at hand at once
            metadata.Add("trail", "three");
            metadata.Add("authorization", "Bearer token");
            metadata.Add("asked", $"{context.ServiceUrl} {context.MethodName}");
        })));

        IEnumerable<string> Sent(string key) => client.AsksCallCredentialsTwice ? who.Values(key).Distinct().Order(StringComparer.Ordinal) : who.Values(key);
        Assert.Equal(client.AsksCallCredentialsTwice ? ["one", "three", "two"] : ["one", "two", "three"], Sent("trail"));
        Assert.Equal(["Bearer token"], Sent("authorization"));
        Assert.Equal([$"https://127.0.0.1:{running.Address.Port}/auth.Auth Who"], Sent("asked"));
        Assert.False(who.IsAuthenticated); // as far as the connection knows
    }

    [Theory, Matrix]
    public async Task A_call_without_a_token_goes_without_one(IClientPeer client, IServerPeer server)
    {
        await using IRunningServer running = await StartAsync(server, requireCertificate: false);
        await using IClientChannel channel = client.Connect(running.Address, ClientSetup.Default);
        Who who = await AskAsync(channel);
        Assert.Empty(who.Values("authorization"));
    }

    [Theory, Matrix]
    public async Task A_token_that_cannot_be_had_is_the_calls_end(IClientPeer client, IServerPeer server)
    {
        await using IRunningServer running = await StartAsync(server, requireCertificate: false);
        await using IClientChannel channel = client.Connect(running.Address, ClientSetup.Default);
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => AskAsync(channel, new CallOptions(
            credentials: CallCredentials.FromInterceptor((_, _) => throw new RpcException(new Status(StatusCode.Unauthenticated, "log in first"))))));
        Assert.Equal((StatusCode.Unauthenticated, "log in first"), (e.StatusCode, e.Status.Detail));
        await AskAsync(channel);
    }

    /// <summary>By the certificate's host names, of which Grpc.AspNetCore shows no other kind; ours shows what the C core does.</summary>
    [Theory, Matrix]
    public async Task A_client_is_known_by_its_certificate(IClientPeer client, IServerPeer server)
    {
        await using IRunningServer running = await StartAsync(server, requireCertificate: true);
        await using IClientChannel channel = client.Connect(running.Address, new ClientSetup { Certificate = TestCertificates.Client });

        Who who = await AskAsync(channel);

        Assert.True(who.IsAuthenticated);
        Assert.Equal(AlternativeName, who.IdentityProperty);
        Assert.Equal(["ada"], who.Property(CommonName));
        Assert.Contains("ada.test", who.Property(AlternativeName));
        if (server is MiniServerPeer)
        {
            Assert.Equal(["10.0.0.1", "ada.test", "ada@test", "spiffe://test/ada"], who.Property(AlternativeName).Order(StringComparer.Ordinal));
            Assert.Equal(["ssl"], who.Property("transport_security_type"));
            Assert.Equal([TestCertificates.Client.ExportCertificatePem()], who.Property("x509_pem_cert"));
        }
    }

    [Theory, Matrix]
    public async Task A_client_without_alternative_names_is_known_by_its_common_name(IClientPeer client, IServerPeer server)
    {
        using X509Certificate2 certificate = TestCertificates.Issue("CN=grace");
        await using IRunningServer running = await StartAsync(server, requireCertificate: true);
        await using IClientChannel channel = client.Connect(running.Address, new ClientSetup { Certificate = certificate });

        Who who = await AskAsync(channel);

        Assert.Equal((true, CommonName), (who.IsAuthenticated, who.IdentityProperty));
        Assert.Equal(["grace"], who.Property(CommonName));
        Assert.Empty(who.Property(AlternativeName));
    }

    [Theory, Matrix]
    public async Task A_client_without_a_certificate_or_with_a_strangers_is_turned_away(IClientPeer client, IServerPeer server)
    {
        await using IRunningServer running = await StartAsync(server, requireCertificate: true);
        using X509Certificate2 stranger = TestCertificates.Issue("CN=eve", authority: TestCertificates.Stranger);
        foreach (X509Certificate2? certificate in new[] { null, stranger })
        {
            await using IClientChannel channel = client.Connect(running.Address, new ClientSetup { Certificate = certificate });
            RpcException e = await Assert.ThrowsAsync<RpcException>(() => AskAsync(channel));
            Assert.True(e.StatusCode is StatusCode.Unavailable || (client is GrpcNetClientPeer && e.StatusCode == StatusCode.Internal), e.ToString());
        }
    }

    /// <summary>The C core's server sees in our client what our server sees.</summary>
    [Fact]
    public async Task A_server_in_Python_knows_our_client()
    {
        await using PeerProcess server = await PythonRuntime.StartAsync("auth_server.py", PemFolder.ServerCertificate, PemFolder.ServerKey, PemFolder.Authority);
        ServerAddress address = ServerAddress.OnPort(Transport.Tls, int.Parse(await server.ReadLineAsync(), System.Globalization.CultureInfo.InvariantCulture));
        await using IClientChannel channel = new MiniClientPeer().Connect(address, new ClientSetup { Certificate = TestCertificates.Client, CallCredentials = Adding("one") });

        Who who = await AskAsync(channel, new CallOptions(credentials: Adding("two")));

        Assert.Equal((true, AlternativeName), (who.IsAuthenticated, who.IdentityProperty));
        Assert.Equal(["one", "two"], who.Values("trail"));
        await using IRunningServer ours = await StartAsync(new MiniServerPeer(), requireCertificate: true);
        await using IClientChannel second = new MiniClientPeer().Connect(ours.Address, new ClientSetup { Certificate = TestCertificates.Client });
        Who sameByUs = await AskAsync(second);
        foreach (string name in new[] { CommonName, "transport_security_type", AlternativeName })
        {
            Assert.Equal(who.Property(name).Order(StringComparer.Ordinal), sameByUs.Property(name).Order(StringComparer.Ordinal));
        }
    }

    /// <summary>A client of the C core with a certificate, and with tokens that it asks a plugin for.</summary>
    [Fact]
    public async Task A_client_in_Python_is_known_to_our_server()
    {
        await using IRunningServer running = await StartAsync(new MiniServerPeer(), requireCertificate: true);
        await using PeerProcess client = await PythonRuntime.StartAsync(
            "auth_client.py", $"127.0.0.1:{running.Address.Port}", PemFolder.Authority, PemFolder.ClientCertificate, PemFolder.ClientKey);

        Who who = JsonSerializer.Deserialize<Who>(await client.OutputAsync())!;

        Assert.Equal((true, AlternativeName), (who.IsAuthenticated, who.IdentityProperty));
        Assert.Equal(["ada"], who.Property(CommonName));
        Assert.Equal(["Bearer token"], who.Values("authorization"));
        Assert.Equal([$"https://127.0.0.1:{running.Address.Port}/auth.Auth Who"], who.Values("asked"));
    }

    /// <summary>New connections get the new certificate, and the old one's go on.</summary>
    [Fact]
    public async Task A_certificate_is_renewed_while_official_clients_are_connected()
    {
        using X509Certificate2 renewed = TestCertificates.Issue("CN=localhost", names => names.AddDnsName("localhost"), withAddress: true);
        ServerTls tls = new(TestCertificates.Server);
        await using GrpcServer server = new();
        server.Services.Add(WhoService.Bind());
        server.Listen("https://127.0.0.1:0", tls);
        await server.StartAsync();
        List<string> seen = [];

        GrpcChannel Connect()
        {
            SocketsHttpHandler handler = GrpcNetClientPeer.HandlerFor(ServerAddress.OnPort(Transport.Tls, server.Ports[0]));
            handler.SslOptions.RemoteCertificateValidationCallback = (_, certificate, _, errors) =>
            {
                seen.Add(((X509Certificate2)certificate!).Thumbprint);
                return errors == System.Net.Security.SslPolicyErrors.None;
            };
            return GrpcChannel.ForAddress(server.Addresses[0], new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        }

        using GrpcChannel before = Connect();
        await AskAsync(before);
        tls.ReplaceCertificate(renewed);
        using GrpcChannel after = Connect();
        await AskAsync(after);
        await AskAsync(before);
        Assert.Equal([TestCertificates.Server.Thumbprint, renewed.Thumbprint], seen);
    }

    private static CallCredentials Adding(string value) => CallCredentials.FromInterceptor((_, metadata) =>
    {
        metadata.Add("trail", value);
        return Task.CompletedTask;
    });

    private static Task<IRunningServer> StartAsync(IServerPeer server, bool requireCertificate) => server.StartAsync(new ServerSetup
    {
        Services = [WhoService.Bind()],
        Transport = Transport.Tls,
        RequiresClientCertificate = requireCertificate,
    });

    private static Task<Who> AskAsync(IClientChannel channel, CallOptions options = default) => AskAsync(channel.Channel, options);

    private static async Task<Who> AskAsync(ChannelBase channel, CallOptions options = default)
    {
        using AsyncUnaryCall<byte[]> call = channel.CreateCallInvoker().AsyncUnaryCall(WhoService.Method, null, options, []);
        return JsonSerializer.Deserialize<Who>(await call.ResponseAsync.WithinLimit("the response"))!;
    }
}
