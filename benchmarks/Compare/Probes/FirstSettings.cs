using System.Diagnostics;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;

namespace MiniGrpc.Benchmarks.Compare.Probes;

/// <summary>
/// Finds the moment in which a server that is starting has sent its first SETTINGS: tries to connect until it listens, and reads
/// one frame header.
/// </summary>
internal static class FirstSettings
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);

    /// <returns>The moment, in ticks of <see cref="Stopwatch"/>.</returns>
    public static long Await(Uri server)
    {
        using Stream stream = Connect(server);
        stream.Write(Http2Bytes.Opening);
        Span<byte> header = stackalloc byte[Http2Bytes.FrameHeaderLength];
        stream.ReadExactly(header);
        long moment = Stopwatch.GetTimestamp();
        return header[3] == Http2Bytes.Settings
            ? moment
            : throw new InvalidDataException($"The first frame was to be SETTINGS, and is of type {header[3]}.");
    }

    private static Stream Connect(Uri server)
    {
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                socket.Connect(IPAddress.Loopback, server.Port);
                return server.Scheme == "https" ? Secure(socket) : new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException exception) when (exception.SocketErrorCode == SocketError.ConnectionRefused && Stopwatch.GetElapsedTime(start) < s_patience)
            {
                // It doesn't listen yet.
                socket.Dispose();
            }
        }
    }

    private static SslStream Secure(Socket socket)
    {
        var tls = new SslStream(new NetworkStream(socket, ownsSocket: true));
        tls.AuthenticateAsClient(new SslClientAuthenticationOptions
        {
            TargetHost = "localhost",
            ApplicationProtocols = [SslApplicationProtocol.Http2],
#pragma warning disable CA5359 // What is measured is the time; who the server is was decided by starting it.
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
        });
        return tls;
    }
}
