namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>Chooses few small inputs that show what many have shown, so that the corpus stays small.</summary>
internal static class Distiller
{
    /// <summary>About what one target may take of the repository.</summary>
    private const int MaxOctets = 48 * 1024;

    /// <summary>Recorded and fixed inputs, and of the others those that each octet of shows most, smallest first.</summary>
    public static async Task<IReadOnlyList<Corpus.Entry>> DistillAsync(FuzzTarget target, IEnumerable<Corpus.Entry> entries)
    {
        var kept = new List<Corpus.Entry>();
        var seen = new HashSet<ulong>();
        int size = 0;
        IEnumerable<Corpus.Entry> ordered = entries
            .Where(entry => entry.Origin != "seed")
            .OrderBy(entry => entry.Origin.StartsWith("found", StringComparison.Ordinal))
            .ThenBy(entry => entry.Octets.Length);
        foreach (Corpus.Entry entry in ordered)
        {
            var features = new Features();
            await target.RunAsync(entry.Octets, features);
            int before = seen.Count;
            seen.UnionWith(features.Seen);
            bool isFound = entry.Origin.StartsWith("found", StringComparison.Ordinal);
            if (!isFound || (seen.Count > before && size + entry.Octets.Length <= MaxOctets))
            {
                kept.Add(entry);
                size += isFound ? entry.Octets.Length : 0;
            }
        }

        return kept;
    }
}
