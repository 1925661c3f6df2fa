using System.Text;

using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Samples;
using MiniGrpc.Samples.Json;
using MiniGrpc.Wire;

return await Sample.RunAsync(async () =>
{
    await using var channel = MiniChannel.ForAddress(args.FirstOrDefault() ?? Sample.Address);

    // What a generated client does, by hand: it names the method and gives the options.
    CallInvoker invoker = channel.CreateCallInvoker();
    CallOptions options = new CallOptions().WithDeadline(DateTime.UtcNow.AddSeconds(30)); // a call without a deadline may wait for ever

    Receipt receipt = await invoker.AsyncUnaryCall(Notes.Save, null, options, new Note("Shopping", ["Milk", "Crème fraîche"]));
    Console.WriteLine($"Saved \"{receipt.Title}\", {receipt.Lines} lines");

    using AsyncServerStreamingCall<byte[]> read = invoker.AsyncServerStreamingCall(Notes.Read, null, options, new Title("Shopping"));
    await foreach (byte[] line in read.ResponseStream.ReadAllAsync())
    {
        Console.WriteLine($"Read {line.Length} octets: {Encoding.UTF8.GetString(line)}");
    }
});
