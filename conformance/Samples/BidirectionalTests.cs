namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Bidirectional: five messages each way on one stream.</summary>
public class BidirectionalTests
{
    private static readonly string[] s_ordinals = ["First", "Second", "Third", "Fourth", "Fifth"];

    [Fact]
    public async Task Both_sides_print_what_they_send_and_receive_in_order()
    {
        (SampleProgram server, string address) = await SampleProgram.StartServerAsync("Bidirectional/Server");
        await using SampleProgram disposed = server;
        await using SampleProgram client = SampleProgram.Start("Bidirectional/Client", address);

        Ended ended = await client.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);

        // The two directions are independent, so their lines may mix; each keeps its order.
        Assert.Equal(
            s_ordinals.Select(ordinal => $"Hello Server Sending you the {ordinal} message"),
            ended.Lines.Where(line => line.StartsWith("Hello Server", StringComparison.Ordinal)));
        Assert.Equal(
            s_ordinals.Select(ordinal => $"Hello from the server received your {ordinal} message"),
            ended.Lines.Where(line => line.StartsWith("Hello from", StringComparison.Ordinal)));
        Assert.Equal(2 * s_ordinals.Length, ended.Lines.Count);

        foreach (string ordinal in s_ordinals)
        {
            Assert.Equal($"Received \"Hello Server Sending you the {ordinal} message\"", await server.ReadLineAsync());
        }
    }
}
