using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Conformance.Samples;

/// <summary>What all the server programs have in common, and all the client programs.</summary>
public class ServersAndClientsTests
{
    [Theory]
    [InlineData("Unary/Client")]
    [InlineData("Bidirectional/Client")]
    [InlineData("Greeter/Client")]
    [InlineData("Json/Client")]
    [InlineData("Health/Client")]
    public async Task A_client_that_finds_no_server_says_so_in_one_line_and_fails(string path)
    {
        // Bound but not listening: the port belongs to nobody else, and connections to it are refused.
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));

        await using SampleProgram client = SampleProgram.Start(path, $"http://{taken.LocalEndPoint}");
        Ended ended = await client.EndAsync();
        Assert.Equal(1, ended.ExitCode);
        Assert.Equal(
            $"The call failed with Unavailable: can't connect to ipv4:{taken.LocalEndPoint}: connection refused; is the server running?",
            ended.Errors.TrimEnd());
    }

    [Theory]
    [InlineData("Unary/Server")]
    [InlineData("Bidirectional/Server")]
    [InlineData("Greeter/Server")]
    [InlineData("Json/Server")]
    [InlineData("Health/Server")]
    public async Task A_server_stops_cleanly_when_asked_to_terminate(string path)
    {
        (SampleProgram server, _) = await SampleProgram.StartServerAsync(path);
        await using SampleProgram disposed = server;

        Ended ended = await server.TerminateAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal("Stopped", ended.Lines[^1]);
    }

    [Theory]
    [InlineData("Unary/Server")]
    [InlineData("Bidirectional/Server")]
    [InlineData("Greeter/Server")]
    [InlineData("Json/Server")]
    [InlineData("Health/Server")]
    public async Task A_server_whose_address_is_taken_says_so_in_one_line_and_fails(string path)
    {
        using var taken = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        taken.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        taken.Listen();

        await using SampleProgram server = SampleProgram.Start(path, $"http://{taken.LocalEndPoint}");
        Ended ended = await server.EndAsync();
        Assert.Equal(1, ended.ExitCode);
        Assert.Contains(taken.LocalEndPoint!.ToString()!, ended.Errors);
        Assert.Single(ended.Errors.TrimEnd().Split('\n'));
    }

    [Theory]
    [InlineData("Unary/Server")]
    [InlineData("Unary/Client")]
    [InlineData("Bidirectional/Server")]
    [InlineData("Bidirectional/Client")]
    [InlineData("Greeter/Server")]
    [InlineData("Json/Server")]
    [InlineData("Health/Server")]
    [InlineData("Greeter/Client")]
    [InlineData("Json/Client")]
    [InlineData("Health/Client")]
    public async Task An_argument_that_is_no_address_is_explained_in_one_line(string path)
    {
        await using SampleProgram program = SampleProgram.Start(path, "50051");
        Ended ended = await program.EndAsync();
        Assert.Equal(1, ended.ExitCode);
        Assert.Contains("'50051' is no address: expected http://host:port", ended.Errors);
        Assert.Single(ended.Errors.TrimEnd().Split('\n'));
    }
}
