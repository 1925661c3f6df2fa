using System.IO.Compression;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Protos;
using MiniGrpc.Server;
using MiniGrpc.Wire;

var options = new GrpcServerOptions { ResponseCompressionAlgorithm = "gzip" };
options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest));
var server = new GrpcServer(options);
server.Services.Add(Benchmark.BindService(new EchoService()));
server.Listen($"https://127.0.0.1:{args[0]}", new ServerTls(PemFiles.LoadCertificate(args[1], args[2])));

// Waiting on the main thread, not on one of the pool, which has few when it starts. The end of the input ends the program.
server.StartAsync().GetAwaiter().GetResult();
using Stream input = Console.OpenStandardInput();
input.ReadByte();
