using MiniGrpc.Conformance.Wire.Architecture;

namespace MiniGrpc.Conformance.Wire.Ledger;

/// <summary>One row of the requirements ledger.</summary>
/// <param name="Id">Document, section, and number within the section: <c>9113-6.5.3-1</c>, <c>7541-5.2-2</c>, <c>grpc-requests-4</c>.</param>
/// <param name="Level">MUST, MUST NOT, SHOULD, SHOULD NOT; RULE for what the gRPC document states without such a word.</param>
/// <param name="Role">Whom it binds: client, server, or both.</param>
/// <param name="Status">tested, not-applicable, or not-done.</param>
/// <param name="Rule">The requirement in one sentence of our own.</param>
/// <param name="Why">The reason, where the row is not tested.</param>
internal sealed record Requirement(string Id, string Level, string Role, string Status, string Rule, string Why)
{
    private static readonly string[] s_documents = ["9113", "7541", "grpc"];

    /// <summary>9113, 7541 or grpc.</summary>
    public string Document => Id.Split('-')[0];

    /// <summary>The section of a row of an RFC, or the part of the gRPC document.</summary>
    public string Section => Id.Split('-')[1];

    /// <summary>The number within the section.</summary>
    public int Number => int.Parse(Id.Split('-')[2], System.Globalization.CultureInfo.InvariantCulture);

    /// <summary>All rows, in the order of the documents; within a file in the order in which they stand.</summary>
    public static IReadOnlyList<Requirement> All { get; } = ReadAll();

    private static Requirement[] ReadAll()
    {
        string folder = Path.Combine(Repository.Root, "conformance", "Requirements");
        return
        [
            .. Directory.EnumerateFiles(folder, "*.tsv")
                .OrderBy(file => Array.FindIndex(s_documents, document => Path.GetFileName(file).Contains(document, StringComparison.Ordinal)))
                .ThenBy(file => Path.GetFileName(file).Length)
                .ThenBy(file => file, StringComparer.Ordinal)
                .SelectMany(Read),
        ];
    }

    private static IEnumerable<Requirement> Read(string file)
    {
        foreach (string line in File.ReadLines(file).Skip(1))
        {
            string[] cells = line.Split('\t');
            if (cells.Length != 6)
            {
                throw new InvalidDataException($"{file}: six cells are due, {cells.Length} are there: {line}");
            }

            yield return new Requirement(cells[0], cells[1], cells[2], cells[3], cells[4], cells[5]);
        }
    }
}
