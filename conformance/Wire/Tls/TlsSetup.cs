using System.Buffers.Binary;
using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;
using MiniGrpc.Wire.Transport.Tls;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>A server with TLS and channels to it, and what the server logs.</summary>
internal sealed class TlsSetup : IAsyncDisposable
{
    private readonly List<MiniChannel> _channels = [];

    private TlsSetup(GrpcServer server, EndPoint endPoint, LogLines log)
    {
        Server = server;
        EndPoint = endPoint;
        Log = log;
    }

    public GrpcServer Server { get; }

    public EndPoint EndPoint { get; }

    public LogLines Log { get; }

    public static async Task<TlsSetup> StartAsync(ServerTls tls, UnaryServerMethod<byte[], byte[]>? unary = null, EndPoint? endPoint = null, TimeProvider? time = null)
    {
        LogLines log = new();
        GrpcServer server = new(new GrpcServerOptions { LoggerFactory = log.Factory, MaxReceiveMessageSize = null, TimeProvider = time ?? TimeProvider.System });
        server.Services.Add(EchoService.Bind(unary));
        endPoint ??= new MemoryEndPoint("tls");
        server.Listen(endPoint, tls);
        await server.StartAsync();
        return new TlsSetup(server, endPoint is IPEndPoint ? new IPEndPoint(IPAddress.Loopback, server.Ports[0]) : endPoint, log);
    }

    /// <summary>A new channel.</summary>
    public MiniChannel Connect(ClientTls tls) => Connect(new MiniChannelOptions { Tls = tls, MaxReceiveMessageSize = null });

    /// <summary>A new channel.</summary>
    public MiniChannel Connect(MiniChannelOptions options)
    {
        var channel = MiniChannel.ForEndPoint(EndPoint, options);
        _channels.Add(channel);
        return channel;
    }

    /// <summary>A call on a new channel, which must succeed.</summary>
    public async Task CallAsync(ClientTls tls) => Assert.Equal([1, 2, 3], await CallAsync(Connect(tls), [1, 2, 3]));

    /// <summary>A call on a new channel, which must fail: with UNAVAILABLE, and what the server has to say.</summary>
    public async Task<string> FailAsync(ClientTls tls)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => CallAsync(Connect(tls), [1]));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        return e.Status.Detail;
    }

    public static Task<byte[]> CallAsync(MiniChannel channel, byte[] request, CallOptions options = default) =>
        channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, options, request).ResponseAsync.WithinLimit("the response");

    /// <summary>Waits for the server to log a sentence.</summary>
    public static async Task AssertLoggedAsync(LogLines log, string sentence)
    {
        try
        {
            await log.FindAsync(line => line.Contains(sentence, StringComparison.Ordinal), "the log");
        }
        catch (Xunit.Sdk.XunitException)
        {
            Assert.Fail($"'{sentence}' is not in the log: {string.Join(Environment.NewLine, log.Lines)}");
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (MiniChannel channel in _channels)
        {
            await channel.DisposeAsync();
        }

        await Server.DisposeAsync();
    }
}

/// <summary>The framework's TLS as a peer of ours that is driven by hand.</summary>
internal static class RawTls
{
    /// <summary>TLS on a transport that nobody reads from yet.</summary>
    public static SslStream On(ITransport transport) => new(new TransportStream(transport, new TlsTurns()), leaveInnerStreamOpen: true);

    /// <summary>What a client of gRPC asks for.</summary>
    public static SslClientAuthenticationOptions ClientOptions(string host = "localhost") => new()
    {
        TargetHost = host,
        ApplicationProtocols = [SslApplicationProtocol.Http2],
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
        RemoteCertificateValidationCallback = (_, certificate, _, _) => certificate is not null,
    };

    /// <summary>What a server of gRPC has.</summary>
    public static SslServerAuthenticationOptions ServerOptions(X509Certificate2? certificate = null) => new()
    {
        ServerCertificate = certificate ?? TestCertificates.Server,
        ApplicationProtocols = [SslApplicationProtocol.Http2],
        EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
    };

    /// <summary>Reads what the next record holds.</summary>
    public static async Task<byte[]> ReadRecordAsync(Stream stream)
    {
        byte[] header = new byte[5];
        await RawPeer.Within(stream.ReadExactlyAsync(header, TestContext.Current.CancellationToken).AsTask(), "a record");
        byte[] content = new byte[BinaryPrimitives.ReadUInt16BigEndian(header.AsSpan(3))];
        await RawPeer.Within(stream.ReadExactlyAsync(content, TestContext.Current.CancellationToken).AsTask(), "the rest of a record");
        return content;
    }

    /// <summary>Reads frames up to the first one of a type and with all of these flags.</summary>
    public static async Task ReadToFrameAsync(Stream stream, FrameType type, FrameFlags flags = FrameFlags.None)
    {
        byte[] nine = new byte[FrameHeader.Size];
        FrameHeader header;
        do
        {
            await RawPeer.Within(stream.ReadExactlyAsync(nine, TestContext.Current.CancellationToken).AsTask(), type.ToString());
            header = FrameHeader.Read(nine);
            await RawPeer.Within(stream.ReadExactlyAsync(new byte[header.Length], TestContext.Current.CancellationToken).AsTask(), "the rest of a frame");
        }
        while (header.Type != type || (header.Flags & flags) != flags);
    }

    /// <summary>Reads to the end of what the peer sends, which may be a cut.</summary>
    public static async Task<byte[]> ReadToEndAsync(Stream stream)
    {
        using MemoryStream all = new();
        try
        {
            await RawPeer.Within(stream.CopyToAsync(all, TestContext.Current.CancellationToken), "the end of the connection");
        }
        catch (IOException)
        {
            // An alert, or a transport that was torn down: the end, either way.
        }

        return all.ToArray();
    }
}
