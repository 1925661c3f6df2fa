namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Health: a server's health and its description of itself, and a client that watches it to its end.</summary>
public class HealthTests
{
    [Fact]
    public async Task The_client_lists_the_services_and_sees_the_server_stop()
    {
        (SampleProgram server, string address) = await SampleProgram.StartServerAsync("Health/Server");
        await using SampleProgram disposed = server;
        await using SampleProgram client = SampleProgram.Start("Health/Client", address);

        string[] expected =
        [
            "What the server offers, by reflection:",
            "  greeter.Greeter: SayHello, SayHellos, GreetMany, Chat",
            "  grpc.health.v1.Health: Check, Watch",
            "How it is:",
            "  the whole server: SERVING",
            "  greeter.Greeter: SERVING",
            "  weather.Forecast: NOT_FOUND",
            "Watching it (stop the server with Ctrl+C in its terminal):",
            "  SERVING",
        ];
        foreach (string line in expected)
        {
            Assert.Equal(line, await client.ReadLineAsync());
        }

        Ended stopped = await server.TerminateAsync();
        Assert.Equal("", stopped.Errors);
        Assert.Equal(0, stopped.ExitCode);
        Assert.Equal("Stopped", stopped.Lines[^1]);

        Ended ended = await client.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal(["  NOT_SERVING", "The server has ended the watch: it is stopping"], ended.Lines.Skip(expected.Length));
    }
}
