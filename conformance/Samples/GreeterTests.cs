using Grpc.Core;
using Grpc.Net.Client;

using MiniGrpc.Samples.Protos.Greeter;

namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Greeter: the four kinds of call.</summary>
public class GreeterTests
{
    [Fact]
    public async Task The_client_shows_all_four_kinds()
    {
        (SampleProgram server, string address) = await SampleProgram.StartServerAsync("Greeter/Server");
        await using SampleProgram disposed = server;
        await using SampleProgram client = SampleProgram.Start("Greeter/Client", address);

        Ended ended = await client.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal(
            [
                "SayHello:  Hello Ada",
                "SayHellos: Hello Grace, 1 of 3",
                "SayHellos: Hello Grace, 2 of 3",
                "SayHellos: Hello Grace, 3 of 3",
                "GreetMany: Hello Ada, Grace, Barbara",
                "Chat:      Hello Ada",
                "Chat:      Hello Grace",
            ],
            ended.Lines);
    }

    [Fact]
    public async Task The_server_serves_the_official_client()
    {
        (SampleProgram server, string address) = await SampleProgram.StartServerAsync("Greeter/Server");
        await using SampleProgram disposed = server;
        using var channel = GrpcChannel.ForAddress(address);
        var client = new Greeter.GreeterClient(channel);
        CallOptions options = new CallOptions().WithDeadline(DateTime.UtcNow.AddSeconds(30));

        Assert.Equal("Hello Ada", (await client.SayHelloAsync(new HelloRequest { Name = "Ada" }, options)).Message);

        using AsyncServerStreamingCall<HelloReply> hellos = client.SayHellos(new HelloRequest { Name = "Ada", Count = 2 }, options);
        Assert.Equal(
            ["Hello Ada, 1 of 2", "Hello Ada, 2 of 2"],
            await hellos.ResponseStream.ReadAllAsync().Select(reply => reply.Message).ToListAsync());

        using AsyncClientStreamingCall<HelloRequest, HelloReply> many = client.GreetMany(options);
        await many.RequestStream.WriteAsync(new HelloRequest { Name = "Ada" });
        await many.RequestStream.WriteAsync(new HelloRequest { Name = "Grace" });
        await many.RequestStream.CompleteAsync();
        Assert.Equal("Hello Ada, Grace", (await many.ResponseAsync).Message);

        using AsyncDuplexStreamingCall<HelloRequest, HelloReply> chat = client.Chat(options);
        await chat.RequestStream.WriteAsync(new HelloRequest { Name = "Ada" });
        Assert.True(await chat.ResponseStream.MoveNext());
        Assert.Equal("Hello Ada", chat.ResponseStream.Current.Message);
        await chat.RequestStream.CompleteAsync();
        Assert.False(await chat.ResponseStream.MoveNext());
    }
}
