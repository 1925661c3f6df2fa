namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Json: messages without Protocol Buffers.</summary>
public class JsonTests
{
    [Fact]
    public async Task The_client_saves_a_note_as_json_and_reads_it_as_octets()
    {
        (SampleProgram server, string address) = await SampleProgram.StartServerAsync("Json/Server");
        await using SampleProgram disposed = server;
        await using SampleProgram client = SampleProgram.Start("Json/Client", address);

        Ended ended = await client.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal(["Saved \"Shopping\", 2 lines", "Read 4 octets: Milk", "Read 15 octets: Crème fraîche"], ended.Lines);
        Assert.Equal("Saved \"Shopping\"", await server.ReadLineAsync());
    }
}
