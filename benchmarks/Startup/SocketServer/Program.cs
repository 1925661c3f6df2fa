using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Google.Protobuf;
using MiniGrpc.Benchmarks.Compare.Probes;
using MiniGrpc.Benchmarks.Protos;

// The least that a server of messages carries: sockets and Protocol Buffers. Nothing built on them is smaller or starts sooner.
using var listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
listener.Bind(new IPEndPoint(IPAddress.Loopback, int.Parse(args[0], CultureInfo.InvariantCulture)));
listener.Listen();
_ = AcceptAsync();
using Stream input = Console.OpenStandardInput();
input.ReadByte();

async Task AcceptAsync()
{
    while (true)
    {
        _ = ServeAsync(await listener.AcceptAsync());
    }
}

static async Task ServeAsync(Socket socket)
{
    await using var stream = new NetworkStream(socket, ownsSocket: true);
    await stream.ReadExactlyAsync(new byte[Http2Bytes.Opening.Length]);
    await stream.WriteAsync(Http2Bytes.EmptySettings);

    // Then one message, and the same back.
    Echo echo = Echo.Parser.ParseFrom(stream);
    echo.WriteTo(stream);
}
