namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Unary: one question, one answer.</summary>
public class UnaryTests
{
    [Fact]
    public async Task The_client_prints_the_answer_and_the_server_the_question()
    {
        (SampleProgram server, string address) = await SampleProgram.StartServerAsync("Unary/Server");
        await using SampleProgram disposed = server;
        await using SampleProgram client = SampleProgram.Start("Unary/Client", address);

        Ended ended = await client.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal(
            [
                "message: \"Hello I am up and running. Received 'Hello Server you there?' message from you\"",
                "received: true",
            ],
            ended.Lines);
        Assert.StartsWith("Received \"Hello Server you there?\" from ipv4:127.0.0.1:", await server.ReadLineAsync());
    }
}
