using System.Globalization;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Programs;
using BidirectionalProto = MiniGrpc.Samples.Protos.Bidirectional;
using UnaryProto = MiniGrpc.Samples.Protos.Unary;

namespace MiniGrpc.Conformance.Interop.PythonPrograms;

/// <summary>The two programs that people write first, one half of each in Python.</summary>
public sealed class TutorialTests
{
    private static readonly string[] s_numbers = ["First", "Second", "Third", "Fourth", "Fifth"];

    [Theory, Matrix]
    public async Task The_unary_client_in_Python_understands_the_server(IServerPeer peer)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, Transport.Tcp, setup => setup);
        await using PeerProcess client = await PythonRuntime.StartAsync("unary_client.py", $"127.0.0.1:{server.Address.Port}");

        string output = await client.OutputAsync();

        Assert.Equal(
            ["message: Hello I am up and running. Received 'Hello Server you there?' message from you", "received: True"],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory, Matrix]
    public async Task The_unary_server_in_Python_understands_the_client(IClientPeer peer)
    {
        await using PeerProcess server = await PythonRuntime.StartAsync("unary_server.py");
        await using IClientChannel channel = await ConnectAsync(peer, server);
        UnaryProto.Unary.UnaryClient client = new(channel.Channel);

        UnaryProto.MessageResponse response = await client
            .GetServerResponseAsync(new UnaryProto.Message { Message_ = "Hello Server you there?" }).ResponseAsync.WithinLimit();

        Assert.Equal("Hello I am up and running. Received 'Hello Server you there?' message from you", response.Message);
        Assert.True(response.Received);
    }

    [Theory, Matrix]
    public async Task The_bidirectional_client_in_Python_understands_the_server(IServerPeer peer)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, Transport.Tcp, setup => setup);
        await using PeerProcess client = await PythonRuntime.StartAsync("bidirectional_client.py", $"127.0.0.1:{server.Address.Port}");

        string output = await client.OutputAsync();

        Assert.Equal(s_numbers.Select(Answer), output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
    }

    [Theory, Matrix]
    public async Task The_bidirectional_server_in_Python_understands_the_client(IClientPeer peer)
    {
        await using PeerProcess server = await PythonRuntime.StartAsync("bidirectional_server.py");
        await using IClientChannel channel = await ConnectAsync(peer, server);
        BidirectionalProto.Bidirectional.BidirectionalClient client = new(channel.Channel);
        using AsyncDuplexStreamingCall<BidirectionalProto.Message, BidirectionalProto.Message> call = client.GetServerResponse();

        foreach (string number in s_numbers)
        {
            string text = $"Hello Server Sending you the {number} message";
            await call.RequestStream.WriteAsync(new BidirectionalProto.Message { Message_ = text }).WithinLimit();
            Assert.True(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit());
            Assert.Equal(Answer(number), call.ResponseStream.Current.Message_);
        }

        await call.RequestStream.CompleteAsync().WithinLimit();
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit());
    }

    private static string Answer(string number) => $"Hello from the server received your {number} message";

    private static async Task<IClientChannel> ConnectAsync(IClientPeer peer, PeerProcess server)
    {
        int port = int.Parse(await server.ReadLineAsync(), CultureInfo.InvariantCulture);
        return peer.Connect(ServerAddress.Tcp(port), ClientSetup.Default);
    }
}
