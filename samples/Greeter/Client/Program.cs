using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Samples;
using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Wire;

return await Sample.RunAsync(async () =>
{
    await using var channel = MiniChannel.ForAddress(args.FirstOrDefault() ?? Sample.Address);
    var client = new Greeter.GreeterClient(channel);
    CallOptions options = new CallOptions().WithDeadline(DateTime.UtcNow.AddSeconds(30));

    await SayHello(client, options);
    await SayHellos(client, options);
    await GreetMany(client, options);
    await Chat(client, options);
});

// Unary: one request, one reply.
static async Task SayHello(Greeter.GreeterClient client, CallOptions options)
{
    HelloReply reply = await client.SayHelloAsync(new HelloRequest { Name = "Ada" }, options);
    Console.WriteLine($"SayHello:  {reply.Message}");
}

// Server streaming: one request, replies until the server is done.
static async Task SayHellos(Greeter.GreeterClient client, CallOptions options)
{
    using AsyncServerStreamingCall<HelloReply> call = client.SayHellos(new HelloRequest { Name = "Grace", Count = 3 }, options);
    await foreach (HelloReply reply in call.ResponseStream.ReadAllAsync())
    {
        Console.WriteLine($"SayHellos: {reply.Message}");
    }
}

// Client streaming: requests until CompleteAsync, then one reply.
static async Task GreetMany(Greeter.GreeterClient client, CallOptions options)
{
    using AsyncClientStreamingCall<HelloRequest, HelloReply> call = client.GreetMany(options);
    foreach (string name in (string[])["Ada", "Grace", "Barbara"])
    {
        await call.RequestStream.WriteAsync(new HelloRequest { Name = name });
    }

    await call.RequestStream.CompleteAsync();
    HelloReply reply = await call.ResponseAsync;
    Console.WriteLine($"GreetMany: {reply.Message}");
}

// Bidirectional streaming: both sides as they like; here, question and answer in turn.
static async Task Chat(Greeter.GreeterClient client, CallOptions options)
{
    using AsyncDuplexStreamingCall<HelloRequest, HelloReply> call = client.Chat(options);
    foreach (string name in (string[])["Ada", "Grace"])
    {
        await call.RequestStream.WriteAsync(new HelloRequest { Name = name });
        await call.ResponseStream.MoveNext();
        Console.WriteLine($"Chat:      {call.ResponseStream.Current.Message}");
    }

    await call.RequestStream.CompleteAsync();
    await call.ResponseStream.MoveNext(); // false: the server is done too
}
