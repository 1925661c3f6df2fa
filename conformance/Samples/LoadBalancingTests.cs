namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/LoadBalancing: three servers, one of which dies and comes back.</summary>
public class LoadBalancingTests
{
    [Fact]
    public async Task All_servers_get_calls_and_none_fails_when_one_is_killed()
    {
        await using SampleProgram program = SampleProgram.Start("LoadBalancing");
        Ended ended = await program.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);

        Assert.All("ABC".Zip(ended.Lines), one => Assert.StartsWith($"{one.First} listens on http://127.0.0.1:", one.Second));
        int killed = ended.Lines.ToList().IndexOf("B is killed; the calls go on at A and C:");
        int back = ended.Lines.ToList().IndexOf("B is back; it is found and gets its share again:");
        Assert.Equal("Each call goes to the next server:", ended.Lines[3]);

        // Which server is the first one is left to chance, and how many calls there are before B is found again to time.
        string[] first = [.. Answers(ended.Lines.Take(4..killed))];
        Assert.Equal(6, first.Length);
        Assert.Equal(["A", "B", "C"], first.Take(3).Order());
        Assert.All(first.Zip(first.Skip(1)), pair => Assert.Equal(Next(pair.First), pair.Second));
        Assert.Equal(["A", "C"], Answers(ended.Lines.Take(killed..back)).Distinct().Order());
        Assert.Equal(3, Answers(ended.Lines.Skip(back)).Count(name => name == "B"));
        Assert.Equal($"{Answers(ended.Lines).Count()} calls, none failed", ended.Lines[^1]);
    }

    private static string Next(string name) => name switch
    {
        "A" => "B",
        "B" => "C",
        _ => "A",
    };

    /// <summary>The names at the ends of the lines that tell of calls.</summary>
    private static IEnumerable<string> Answers(IEnumerable<string> lines) =>
        lines.Where(line => line.StartsWith("  call ", StringComparison.Ordinal)).Select(line => line.Split("answered by ")[1]);
}
