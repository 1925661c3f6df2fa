namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>Makes an input that breaks something shorter, as long as it breaks something.</summary>
internal static class Shortener
{
    /// <summary>Enough for inputs of a few thousand octets, and soon over when the finding depends on chance.</summary>
    private const int MaxRuns = 500;

    /// <summary>Leaves out halves, quarters, and so on down to single octets.</summary>
    public static async Task<FuzzFinding> ShortenAsync(
        FuzzFinding finding, Func<byte[], Task<(Features Features, FuzzFinding? Finding)>> run)
    {
        int runs = 0;
        for (int size = finding.Input.Length / 2; size > 0; size /= 2)
        {
            int at = 0;
            while (at < finding.Input.Length && runs < MaxRuns)
            {
                byte[] shorter = [.. finding.Input.AsSpan(0, at), .. finding.Input.AsSpan(int.Min(finding.Input.Length, at + size))];
                runs++;
                (_, FuzzFinding? still) = await run(shorter);
                finding = still ?? finding;
                at += still is null ? size : 0;
            }
        }

        return finding;
    }
}
