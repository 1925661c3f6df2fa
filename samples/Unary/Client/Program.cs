using MiniGrpc.Client;
using MiniGrpc.Samples;
using MiniGrpc.Samples.Protos.Unary;

return await Sample.RunAsync(async () =>
{
    await using var channel = MiniChannel.ForAddress(args.FirstOrDefault() ?? Sample.Address);
    var client = new Unary.UnaryClient(channel);

    // A call without a deadline may wait for ever.
    MessageResponse response = await client.GetServerResponseAsync(
        new Message { Message_ = "Hello Server you there?" }, deadline: DateTime.UtcNow.AddSeconds(30));

    Console.WriteLine($"message: \"{response.Message}\"");
    Console.WriteLine($"received: {(response.Received ? "true" : "false")}");
});
