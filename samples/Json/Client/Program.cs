using System.Text;

using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Samples.Json;
using MiniGrpc.Wire;

string address = args.FirstOrDefault() ?? "http://127.0.0.1:50051";

try
{
    await using var channel = MiniChannel.ForAddress(address);

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

    return 0;
}
catch (RpcException e)
{
    Console.Error.WriteLine($"The call failed with {e.StatusCode}: {e.Status.Detail}");
    return 1;
}
catch (ArgumentException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}
