using System.IO.Compression;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using MiniGrpc.Benchmarks.Compare.Probes;
using MiniGrpc.Benchmarks.Protos;
using MiniGrpc.Benchmarks.Startup;

// The least that such a server carries with TLS and gzip.
var tls = new SslServerAuthenticationOptions
{
    ServerCertificate = X509Certificate2.CreateFromPemFile(args[1], args[2]),
    ApplicationProtocols = [SslApplicationProtocol.Http2],
};
Listening.UntilInput(args[0], async socket =>
{
    await using var stream = new SslStream(new NetworkStream(socket, ownsSocket: true));
    await stream.AuthenticateAsServerAsync(tls);
    await stream.ReadExactlyAsync(new byte[Http2Bytes.Opening.Length]);
    await stream.WriteAsync(Http2Bytes.EmptySettings);

    // Then one message, compressed, and the same back.
    await using var compressed = new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);
    Echo echo = Echo.Parser.ParseFrom(compressed);
    await using var compressing = new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true);
    echo.WriteTo(compressing);
});
