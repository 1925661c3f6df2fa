using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Samples;
using MiniGrpc.Samples.Protos.Bidirectional;
using MiniGrpc.Wire;

return await Sample.RunAsync(async () =>
{
    await using var channel = MiniChannel.ForAddress(args.FirstOrDefault() ?? Sample.Address);
    var client = new Bidirectional.BidirectionalClient(channel);
    using AsyncDuplexStreamingCall<Message, Message> call = client.GetServerResponse(deadline: DateTime.UtcNow.AddSeconds(30));

    // Two tasks, each at its own pace: neither waits for the other.
    await Task.WhenAll(SendAsync(call.RequestStream), ReceiveAsync(call.ResponseStream));
});

static async Task SendAsync(IClientStreamWriter<Message> requests)
{
    foreach (string ordinal in (string[])["First", "Second", "Third", "Fourth", "Fifth"])
    {
        var message = new Message { Message_ = $"Hello Server Sending you the {ordinal} message" };
        Console.WriteLine(message.Message_);
        await requests.WriteAsync(message);
    }

    await requests.CompleteAsync();
}

static async Task ReceiveAsync(IAsyncStreamReader<Message> responses)
{
    await foreach (Message response in responses.ReadAllAsync())
    {
        Console.WriteLine(response.Message_);
    }
}
