using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using MiniGrpc.Benchmarks.Compare.Peers;

namespace MiniGrpc.Benchmarks.Compare.Limits;

/// <summary>Connections without any protocol on them, for the loads that are no gRPC client's.</summary>
internal static class Connecting
{
    /// <summary>Connects to <paramref name="address"/>; with TLS, if the server has a certificate.</summary>
    /// <param name="address">An IP address and a port, as a URI.</param>
    /// <param name="trusted">The server's certificate.</param>
    /// <param name="protocol">What ALPN offers, if anything.</param>
    public static async Task<Stream> ConnectAsync(string address, X509Certificate2? trusted, SslApplicationProtocol? protocol = null)
    {
        var uri = new Uri(address);
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await socket.ConnectAsync(new IPEndPoint(IPAddress.Parse(uri.Host), uri.Port));
        var stream = new NetworkStream(socket, ownsSocket: true);
        if (trusted is null)
        {
            return stream;
        }

        SslClientAuthenticationOptions options = Clients.TlsOptions(trusted);
        options.TargetHost = uri.Host;
        options.ApplicationProtocols = protocol is SslApplicationProtocol offered ? [offered] : null;
        var secure = new SslStream(stream);
        await secure.AuthenticateAsClientAsync(options);
        return secure;
    }

    public static async Task<Stream> AcceptAsync(Socket socket, SslServerAuthenticationOptions? tls)
    {
        socket.NoDelay = true;
        var stream = new NetworkStream(socket, ownsSocket: true);
        if (tls is null)
        {
            return stream;
        }

        var secure = new SslStream(stream);
        await secure.AuthenticateAsServerAsync(tls);
        return secure;
    }
}
