using MiniGrpc.Conformance.Fuzz.Engine;

namespace MiniGrpc.Conformance.Fuzz.Tests;

/// <summary>The fuzzer itself: that it finds what there is, shortens it, and comes to the same end from the same seed.</summary>
public class EngineTests
{
    [Fact]
    public async Task A_fault_behind_three_octets_is_found_and_shortened_to_them()
    {
        var runner = new FuzzRunner(new Faulty(), seed: 1);
        Assert.Null(await runner.ReplayAsync([]));
        FuzzFinding? finding = await runner.FuzzAsync(() => runner.Runs < 200_000);
        Assert.NotNull(finding);
        Assert.Equal("abc"u8.ToArray(), finding.Input);
    }

    [Fact]
    public async Task The_same_seed_keeps_the_same_inputs()
    {
        Assert.Equal(await KeptAsync(7), await KeptAsync(7));
        Assert.NotEqual(await KeptAsync(7), await KeptAsync(8));
    }

    [Fact]
    public void Chunks_come_apart_as_they_were_put_together()
    {
        byte[][] chunks = [[], [1], new byte[70_000], [2, 3]];
        List<byte[]> back = Chunks.Split(Chunks.Join(chunks));
        Assert.Equal([0, 1, ushort.MaxValue, 2], back.Select(chunk => chunk.Length));
    }

    [Fact]
    public void A_finding_is_saved_with_the_command_that_runs_it_again()
    {
        DirectoryInfo directory = Directory.CreateTempSubdirectory("minigrpc-fuzz-");
        try
        {
            string text = new FuzzFinding(new Faulty(), [1, 2], new FuzzException("why")).Save(directory.FullName);
            string file = Assert.Single(Directory.GetFiles(directory.FullName));
            Assert.Equal([1, 2], File.ReadAllBytes(file));
            Assert.Contains($"--target faulty --replay {file}", text, StringComparison.Ordinal);
            Assert.Contains("why", text, StringComparison.Ordinal);
        }
        finally
        {
            directory.Delete(recursive: true);
        }
    }

    private static async Task<string[]> KeptAsync(int seed)
    {
        FuzzTarget target = TargetList.All.Single(candidate => candidate.Name == "hpack");
        var runner = new FuzzRunner(target, seed);
        Assert.Null(await runner.ReplayAsync([]));
        Assert.Null(await runner.FuzzAsync(() => runner.Runs < 1000));
        return [.. runner.Kept.Select(entry => Convert.ToBase64String(entry.Octets))];
    }

    /// <summary>Breaks at the octets "abc", and shows how near an input is.</summary>
    private sealed class Faulty : PureTarget
    {
        public override string Name => "faulty";

        public override string About => "Breaks on purpose.";

        public override IEnumerable<byte[]> Seeds() => [[0, 0, 0, 0]];

        protected override void Run(byte[] input, Features features)
        {
            features.Add("found", input.AsSpan().CommonPrefixLength("abc"u8));
            FuzzException.Require(!input.AsSpan().StartsWith("abc"u8), "on purpose");
        }
    }
}
