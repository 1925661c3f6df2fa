using System.Net.Sockets;
using Google.Protobuf;
using MiniGrpc.Benchmarks.Compare.Probes;
using MiniGrpc.Benchmarks.Protos;
using MiniGrpc.Benchmarks.Startup;

// The least that a server of messages carries: sockets and Protocol Buffers. Nothing built on them is smaller or starts sooner.
Listening.UntilInput(args[0], async socket =>
{
    await using var stream = new NetworkStream(socket, ownsSocket: true);
    await stream.ReadExactlyAsync(new byte[Http2Bytes.Opening.Length]);
    await stream.WriteAsync(Http2Bytes.EmptySettings);

    // Then one message, and the same back.
    Echo echo = Echo.Parser.ParseFrom(stream);
    echo.WriteTo(stream);
});
