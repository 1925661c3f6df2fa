using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Benchmarks.Startup;

/// <summary>What the two programs that are the limit have in common.</summary>
internal static class Listening
{
    /// <summary>Serves every connection to <paramref name="port"/> until the standard input ends or says something.</summary>
    public static void UntilInput(string port, Func<Socket, Task> serve)
    {
        using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, int.Parse(port, CultureInfo.InvariantCulture)));
        listener.Listen();
        _ = AcceptAsync(listener, serve);
        using Stream input = Console.OpenStandardInput();
        input.ReadByte();
    }

    private static async Task AcceptAsync(Socket listener, Func<Socket, Task> serve)
    {
        while (true)
        {
            _ = serve(await listener.AcceptAsync());
        }
    }
}
