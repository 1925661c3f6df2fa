using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Samples.Protos.Unary;

string address = args.FirstOrDefault() ?? "http://127.0.0.1:50051";

try
{
    await using var channel = MiniChannel.ForAddress(address);
    var client = new Unary.UnaryClient(channel);

    // A call without a deadline may wait for ever.
    MessageResponse response = await client.GetServerResponseAsync(
        new Message { Message_ = "Hello Server you there?" }, deadline: DateTime.UtcNow.AddSeconds(30));

    Console.WriteLine($"message: \"{response.Message}\"");
    Console.WriteLine($"received: {(response.Received ? "true" : "false")}");
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
