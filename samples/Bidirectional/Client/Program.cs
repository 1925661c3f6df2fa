using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Samples.Protos.Bidirectional;
using MiniGrpc.Wire;

string address = args.FirstOrDefault() ?? "http://127.0.0.1:50051";

try
{
    await using var channel = MiniChannel.ForAddress(address);
    var client = new Bidirectional.BidirectionalClient(channel);
    using AsyncDuplexStreamingCall<Message, Message> call = client.GetServerResponse(deadline: DateTime.UtcNow.AddSeconds(30));

    // Two tasks, each at its own pace: neither waits for the other.
    await Task.WhenAll(SendAsync(call.RequestStream), ReceiveAsync(call.ResponseStream));
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
