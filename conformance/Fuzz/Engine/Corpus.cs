using System.Reflection;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>
/// The inputs that are kept, one text file a target with a line for each: where it comes from, a space, and the octets in
/// base64. "recorded-" are real sessions, "found-" what fuzzing kept, "fixed-" what once broke something.
/// </summary>
internal sealed class Corpus(string directory)
{
    /// <summary>Where the corpus lies in the repository.</summary>
    public static string DefaultDirectory { get; } = typeof(Corpus).Assembly.GetCustomAttributes<AssemblyMetadataAttribute>()
        .Single(attribute => attribute.Key == "CorpusDirectory").Value!;

    /// <summary>The inputs for a target.</summary>
    public IReadOnlyList<Entry> Load(string target)
    {
        string path = PathOf(target);
        return File.Exists(path)
            ? [.. File.ReadLines(path).Select(line => line.Split(' ')).Select(parts => new Entry(parts[0], Convert.FromBase64String(parts[1])))]
            : [];
    }

    /// <summary>Replaces the inputs for a target.</summary>
    public void Save(string target, IEnumerable<Entry> entries) =>
        File.WriteAllLines(PathOf(target), entries.Select(entry => $"{entry.Origin} {Convert.ToBase64String(entry.Octets)}"));

    private string PathOf(string target) => Path.Combine(directory, target + ".txt");

    /// <summary>One input.</summary>
    internal sealed record Entry(string Origin, byte[] Octets);
}
