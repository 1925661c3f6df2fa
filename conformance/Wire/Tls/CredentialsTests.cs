using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>Call credentials, which add metadata to calls, and channel credentials of Grpc.Core.</summary>
public class CredentialsTests
{
    private static readonly ClientTls s_trusting = new() { Roots = TestCertificates.Roots };
    private readonly ConcurrentQueue<Metadata> _received = new();

    [Fact]
    public async Task The_channels_come_before_the_calls_and_composed_ones_in_their_order()
    {
        await using TlsSetup setup = await StartAsync();
        MiniChannel channel = setup.Connect(new MiniChannelOptions { Tls = s_trusting, CallCredentials = CallCredentials.Compose(Adding("one"), Adding("two")) });
        await CallAsync(channel, new CallOptions(new Metadata { { "trail", "zero" } }, credentials: Adding("three")));
        Assert.Equal(["zero", "one", "two", "three"], Assert.Single(_received).GetAll("trail").Select(entry => entry.Value));
        await CallAsync(channel);
        Assert.Equal(["one", "two"], _received.Last().GetAll("trail").Select(entry => entry.Value));
    }

    [Fact]
    public async Task Channel_credentials_may_be_composed_more_than_once()
    {
        await using TlsSetup setup = await StartAsync();
        var ssl = new SslCredentials(TestCertificates.Authority.ExportCertificatePem());
        ChannelCredentials twice = ChannelCredentials.Create(ChannelCredentials.Create(ssl, Adding("one")), Adding("two"));
        await CallAsync(setup.Connect(new MiniChannelOptions().UseCredentials(twice)));
        Assert.Equal(["one", "two"], Assert.Single(_received).GetAll("trail").Select(entry => entry.Value));
    }

    [Fact]
    public async Task Insecure_credentials_with_call_credentials_make_no_call()
    {
        await using TlsSetup setup = await StartAsync();
        MiniChannel channel = setup.Connect(new MiniChannelOptions().UseCredentials(ChannelCredentials.Create(ChannelCredentials.Insecure, Adding("one"))));
        Assert.Throws<InvalidOperationException>(() => { _ = CallAsync(channel); });
    }

    [Fact]
    public async Task They_are_told_for_whom_the_call_is()
    {
        await using TlsSetup setup = await StartAsync();
        AuthInterceptorContext? asked = null;
        await CallAsync(setup.Connect(s_trusting), new CallOptions(credentials: CallCredentials.FromInterceptor((context, _) =>
        {
            asked = context;
            return Task.CompletedTask;
        })));
        Assert.Equal(("https://localhost/echo.Echo", "Unary"), (asked!.ServiceUrl, asked.MethodName));
    }

    [Fact]
    public async Task A_call_waits_for_them()
    {
        await using TlsSetup setup = await StartAsync();
        var hand = new HandCredentials();
        Task<byte[]> call = CallAsync(setup.Connect(s_trusting), new CallOptions(credentials: hand.Credentials));
        await hand.AskedAsync();
        Assert.False(call.IsCompleted);
        hand.Answer();
        await call;
        Assert.Equal("Bearer late", Assert.Single(_received).GetValue("authorization"));
    }

    [Fact]
    public async Task What_they_fail_with_is_the_calls_end()
    {
        await using TlsSetup setup = await StartAsync();
        MiniChannel channel = setup.Connect(s_trusting);
        await AssertFailsAsync(channel, StatusCode.Unavailable, "The call credentials failed: no token", (_, _) => throw new IOException("no token"));
        await AssertFailsAsync(channel, StatusCode.Unauthenticated, "expired", (_, _) => throw new RpcException(new Status(StatusCode.Unauthenticated, "expired")));
        await AssertFailsAsync(channel, StatusCode.Unavailable, "'authorization' holds the character U+000A", (_, metadata) =>
        {
            metadata.Add("authorization", "Bearer a\nb");
            return Task.CompletedTask;
        });
        Assert.Empty(_received);
    }

    [Fact]
    public async Task Each_attempt_asks_them_again()
    {
        int calls = 0;
        await using TlsSetup setup = await TlsSetup.StartAsync(new ServerTls(TestCertificates.Server), (request, context) =>
        {
            _received.Enqueue(context.RequestHeaders);
            return _received.Count == 1 ? throw new RpcException(new Status(StatusCode.Unavailable, "later")) : Task.FromResult(request);
        });
        MiniChannel channel = setup.Connect(new MiniChannelOptions
        {
            Tls = s_trusting,
            CallCredentials = CallCredentials.FromInterceptor((_, metadata) =>
            {
                metadata.Add("trail", $"{++calls}");
                return Task.CompletedTask;
            }),
            ServiceConfig = ServiceConfig.Parse("""{"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}"""),
        });
        await CallAsync(channel);
        Assert.Equal(["1", "2"], _received.Select(headers => headers.GetValue("trail")));
    }

    [Fact]
    public async Task Without_tls_they_are_sent_only_where_the_channel_says_so()
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind(EchoService.Recording(_received)));
        var options = new MiniChannelOptions { CallCredentials = Adding("one") };
        await using MiniChannel refusing = MiniChannel.ForEndPoint(setup.EndPoint, options);
        Assert.Throws<InvalidOperationException>(() => { _ = CallAsync(refusing); });
        options.UnsafeUseInsecureChannelCallCredentials = true;
        await using MiniChannel sending = MiniChannel.ForEndPoint(setup.EndPoint, options);
        await CallAsync(sending);
        Assert.Equal("one", Assert.Single(_received).GetValue("trail"));
    }

    /// <summary>RFC 7541 section 7.1.3: whatever the names are, no table and no proxy's table gets to see them.</summary>
    [Fact]
    public void What_they_say_is_never_indexed()
    {
        var fields = new HeaderList();
        MetadataCodec.EncodeSecrets(new Metadata { { "x-anything", "secret" }, { "more-bin", new byte[] { 1 } } }, fields);
        int count = 0;
        foreach (HeaderField field in fields)
        {
            Assert.Equal(Indexing.Never, field.Indexing);
            count++;
        }

        Assert.Equal(2, count);
        fields.Release();
    }

    [Fact]
    public async Task Ssl_credentials_bring_roots_certificate_and_judgement()
    {
        string? name = null;
        await using TlsSetup setup = await TlsSetup.StartAsync(
            new ServerTls(TestCertificates.Server) { ClientCertificateMode = ClientCertificateMode.Require, ClientRoots = TestCertificates.Roots },
            (request, context) =>
            {
                name = context.AuthContext.FindPropertiesByName("x509_common_name").Single().Value;
                _received.Enqueue(context.RequestHeaders);
                return Task.FromResult(request);
            });
        VerifyPeerContext? judged = null;
        bool verdict = true;
        var credentials = ChannelCredentials.Create(
            new SslCredentials(
                TestCertificates.Authority.ExportCertificatePem(),
                new KeyCertificatePair(TestCertificates.Client.ExportCertificatePem(), ExportKey(TestCertificates.Client)),
                context =>
                {
                    judged = context;
                    return verdict;
                }),
            Adding("one"));
        await CallAsync(setup.Connect(new MiniChannelOptions().UseCredentials(credentials)));
        Assert.Equal("ada", name);
        Assert.Equal("one", Assert.Single(_received).GetValue("trail"));
        Assert.Equal("localhost", judged!.TargetName);
        Assert.Equal(TestCertificates.Server.Thumbprint, X509Certificate2.CreateFromPem(judged.PeerPem).Thumbprint);

        verdict = false;
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(setup.Connect(new MiniChannelOptions().UseCredentials(credentials))));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
    }

    [Fact]
    public async Task Ssl_credentials_are_asked_only_about_what_is_otherwise_accepted()
    {
        await using TlsSetup setup = await StartAsync();
        var credentials = new SslCredentials(TestCertificates.Stranger.ExportCertificatePem(), null, _ => true);
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(setup.Connect(new MiniChannelOptions().UseCredentials(credentials))));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.Empty(_received);
        CryptographicException none = Assert.Throws<CryptographicException>(() => new MiniChannelOptions().UseCredentials(new SslCredentials("nothing")));
        Assert.Contains("the root certificates hold no certificate in PEM form", none.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Insecure_credentials_take_tls_away()
    {
        var options = new MiniChannelOptions { Tls = s_trusting, CallCredentials = Adding("one") };
        Assert.Same(options, options.UseCredentials(ChannelCredentials.Insecure));
        Assert.Null(options.Tls);
        Assert.Null(options.CallCredentials);
        Assert.NotNull(new MiniChannelOptions().UseCredentials(ChannelCredentials.SecureSsl).Tls);
    }

    private static CallCredentials Adding(string value) => CallCredentials.FromInterceptor((_, metadata) =>
    {
        metadata.Add("trail", value);
        return Task.CompletedTask;
    });

    private static async Task AssertFailsAsync(MiniChannel channel, StatusCode code, string detail, AsyncAuthInterceptor interceptor) =>
        await TestChannel.AssertFailsAsync(CallAsync(channel, new CallOptions(credentials: CallCredentials.FromInterceptor(interceptor))), code, detail);

    private static Task<byte[]> CallAsync(MiniChannel channel, CallOptions options = default) => TlsSetup.CallAsync(channel, [1], options);

    private static string ExportKey(X509Certificate2 certificate) =>
        certificate.GetECDsaPrivateKey()?.ExportPkcs8PrivateKeyPem() ?? certificate.GetRSAPrivateKey()!.ExportPkcs8PrivateKeyPem();

    private Task<TlsSetup> StartAsync() => TlsSetup.StartAsync(new ServerTls(TestCertificates.Server), EchoService.Recording(_received));
}
