using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Protos;
using MiniGrpc.Server;

var server = new GrpcServer();
server.Services.Add(Benchmark.BindService(new EchoService()));
server.Listen($"http://127.0.0.1:{args[0]}");

// Waiting on the main thread, not on one of the pool, which has few when it starts. The end of the input ends the program.
server.StartAsync().GetAwaiter().GetResult();
using Stream input = Console.OpenStandardInput();
input.ReadByte();
