using System.IO.Compression;
using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Soak.World;

/// <summary>How a site's client reaches its server.</summary>
internal enum SiteKind
{
    /// <summary>TCP on loopback, through a relay that can cut.</summary>
    Tcp,

    /// <summary>The same with TLS.</summary>
    Tls,

    /// <summary>A Unix-domain socket.</summary>
    Unix,

    /// <summary>Memory.</summary>
    Memory,
}

/// <summary>A server and a channel to it, each of which is replaced now and then while calls go on.</summary>
/// <remarks>Thread-safe: what replaces something holds a semaphore; calls read the channel of the moment.</remarks>
internal sealed class Site : IAsyncDisposable
{
    private static readonly X509Certificate2 s_certificate = CreateCertificate();

    private readonly SemaphoreSlim _replacing = new(1, 1);
    private readonly CuttingRelay? _relay;
    private readonly MemoryEndPoint? _memory;
    private readonly string _socketPath = Path.Combine(Path.GetTempPath(), $"minigrpc-soak-{Guid.NewGuid():n}.sock");
    private GrpcServer _server;
    private MiniChannel _channel;

    private Site(SiteKind kind)
    {
        Kind = kind;
        _relay = kind is SiteKind.Tcp or SiteKind.Tls ? new CuttingRelay() : null;
        _memory = kind == SiteKind.Memory ? new MemoryEndPoint("soak") : null;
        _server = CreateServer();
        _channel = CreateChannel();
    }

    /// <summary>How the client reaches the server.</summary>
    public SiteKind Kind { get; }

    /// <summary>The server of the moment, for its counters.</summary>
    public GrpcServer Server => Volatile.Read(ref _server);

    /// <summary>The channel of the moment, for its counters.</summary>
    public MiniChannel Channel => Volatile.Read(ref _channel);

    /// <summary>Makes calls on the channel of the moment.</summary>
    public CallInvoker Invoker => Channel.CreateCallInvoker();

    /// <summary>Starts a server and makes a channel.</summary>
    public static async Task<Site> StartAsync(SiteKind kind)
    {
        var site = new Site(kind);
        await site.StartServerAsync();
        return site;
    }

    /// <summary>Replaces the server: with grace for the calls under way, or at once.</summary>
    public Task RestartAsync(bool graceful) => ReplaceAsync(async () =>
    {
        if (graceful)
        {
            await _server.ShutdownAsync(TimeSpan.FromMilliseconds(200));
        }

        await _server.DisposeAsync();
        Volatile.Write(ref _server, CreateServer());
        await StartServerAsync();
    });

    /// <summary>Replaces the channel; the calls on the old one end.</summary>
    public Task RecreateChannelAsync() => ReplaceAsync(async () =>
    {
        MiniChannel old = _channel;
        Volatile.Write(ref _channel, CreateChannel());
        await old.DisposeAsync();
    });

    /// <summary>Cuts the connections on TCP.</summary>
    public void Cut() => _relay?.Cut();

    /// <summary>A connection of a stranger.</summary>
    public async Task<ITransport> ConnectAsync() => Kind switch
    {
        SiteKind.Memory => _memory!.Connect(),
        SiteKind.Unix => await SocketTransport.ConnectAsync(new UnixDomainSocketEndPoint(_socketPath), Timeout.InfiniteTimeSpan, CancellationToken.None),
        _ => await SocketTransport.ConnectAsync(new IPEndPoint(IPAddress.Loopback, _relay!.Port), Timeout.InfiniteTimeSpan, CancellationToken.None),
    };

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _server.DisposeAsync();
        if (_relay is not null)
        {
            await _relay.DisposeAsync();
        }

        _replacing.Dispose();
        File.Delete(_socketPath);
    }

    private static X509Certificate2 CreateCertificate()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("CN=soak", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        return request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(30));
    }

    private async Task ReplaceAsync(Func<Task> replace)
    {
        await _replacing.WaitAsync();
        try
        {
            await replace();
        }
        finally
        {
            _replacing.Release();
        }
    }

    private GrpcServer CreateServer()
    {
        var server = new GrpcServer(new GrpcServerOptions { CompressionProviders = { new GzipCompressionProvider(CompressionLevel.Fastest) } });
        server.Services.Add(SoakService.Bind());
        switch (Kind)
        {
            case SiteKind.Memory:
                server.Listen(_memory!);
                break;
            case SiteKind.Unix:
                server.Listen("unix:" + _socketPath);
                break;
            case SiteKind.Tls:
                server.Listen("https://127.0.0.1:0", new ServerTls(s_certificate));
                break;
            default:
                server.Listen("http://127.0.0.1:0");
                break;
        }

        return server;
    }

    private async Task StartServerAsync()
    {
        await _server.StartAsync();
        if (_relay is not null)
        {
            _relay.Target = _server.Ports[0];
        }
    }

    private MiniChannel CreateChannel()
    {
        var options = new MiniChannelOptions
        {
            CompressionProviders = { new GzipCompressionProvider(CompressionLevel.Fastest) },
            InitialReconnectBackoff = TimeSpan.FromMilliseconds(5), // a restart takes no longer
            MaxReconnectBackoff = TimeSpan.FromMilliseconds(50),
        };
        if (Kind == SiteKind.Tls)
        {
            options.Tls = new ClientTls { Roots = [s_certificate] };
        }

        return Kind switch
        {
            SiteKind.Memory => MiniChannel.ForEndPoint(_memory!, options),
            SiteKind.Unix => MiniChannel.ForAddress("unix:" + _socketPath, options),
            SiteKind.Tls => MiniChannel.ForAddress($"https://127.0.0.1:{_relay!.Port}", options),
            _ => MiniChannel.ForAddress($"http://127.0.0.1:{_relay!.Port}", options),
        };
    }
}
