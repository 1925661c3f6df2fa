using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Benchmarks.Compare.Limits;

/// <summary>
/// The server's end of the limits: what sockets, or <see cref="SslStream"/> on them, can do in a plain asynchronous .NET program
/// that has no protocol to deal with. Nobody who builds on them is faster.
/// </summary>
internal static class SocketServer
{
    public static string Start(X509Certificate2? certificate)
    {
        var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        _ = AcceptAsync(listener, certificate is null ? null : new SslServerAuthenticationOptions { ServerCertificate = certificate });
        string scheme = certificate is null ? "tcp" : "tls";
        return $"{scheme}://{listener.LocalEndPoint}";
    }

    private static async Task AcceptAsync(Socket listener, SslServerAuthenticationOptions? tls)
    {
        while (true)
        {
            // What a connection dies of, its client tells.
            _ = ServeAsync(await listener.AcceptAsync(), tls);
        }
    }

    private static async Task ServeAsync(Socket socket, SslServerAuthenticationOptions? tls)
    {
        await using Stream stream = await Connecting.AcceptAsync(socket, tls);
        byte[] description = new byte[Exchange.Size];
        while (await stream.ReadAtLeastAsync(description, description.Length, throwOnEndOfStream: false) == description.Length)
        {
            await AnswerAsync(stream, Exchange.Read(description));
        }
    }

    private static async Task AnswerAsync(Stream stream, Exchange exchange)
    {
        byte[] request = new byte[exchange.RequestBytes];
        byte[] reply = new byte[exchange.ReplyBytes];
        for (int i = 0; i < exchange.Count; i++)
        {
            if (request.Length > 0)
            {
                await stream.ReadExactlyAsync(request);
            }

            if (reply.Length > 0)
            {
                await stream.WriteAsync(reply);
            }
        }

        await stream.WriteAsync(new byte[1]);
    }
}
