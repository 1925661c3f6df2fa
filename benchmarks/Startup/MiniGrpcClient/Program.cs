using MiniGrpc.Benchmarks.Compare.Load;
using MiniGrpc.Client;

await using var channel = MiniChannel.ForAddress(args[0]);
Console.WriteLine(await FirstCalls.RunAsync(channel, default));
