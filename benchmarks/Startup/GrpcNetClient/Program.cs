using Grpc.Net.Client;
using MiniGrpc.Benchmarks.Compare.Load;

using var handler = new SocketsHttpHandler { UseProxy = false };
using var channel = GrpcChannel.ForAddress(args[0], new GrpcChannelOptions { HttpHandler = handler });
Console.WriteLine(await FirstCalls.RunAsync(channel, default));
