using System.Globalization;
using System.Reflection;
using System.Text;

namespace MiniGrpc.Conformance.Wire.Ledger;

/// <summary>Writes docs/requirements.md: the ledger as people read it.</summary>
internal static class LedgerDocument
{
    /// <summary>How many tests of a row are named; a row that every frame type has a test for would fill a page.</summary>
    private const int NamedTests = 3;

    private const string Intro = """
        # Requirements

        Every normative requirement (MUST, MUST NOT, SHOULD, SHOULD NOT) of RFC 9113 and RFC 7541 that binds an endpoint, and every rule of the gRPC over HTTP/2 document, in our own words, with the tests that fail when it is not met. It is generated from [conformance/Requirements](../conformance/Requirements) and from the `[Requirement]` attributes of the tests in [conformance/Wire](../conformance/Wire); a test fails when a row has no test, when a claim has no row, and when this page is not current. To write it anew:

        ```
        MINIGRPC_UPDATE_REQUIREMENTS=1 dotnet test --project conformance/Wire -- --filter-class "*LedgerTests"
        ```

        The tests of one row: `dotnet test --project conformance/Wire -- --filter-trait "Requirement=9113-6.5.3-1"`.


        """;

    /// <summary>The whole document.</summary>
    public static string Write(IReadOnlyList<Requirement> rows, ILookup<string, MethodInfo> claims)
    {
        var text = new StringBuilder(Intro.ReplaceLineEndings("\n"));
        WriteSummary(text, rows);
        foreach (IGrouping<string, Requirement> document in rows.GroupBy(row => row.Document))
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {Title(document.Key)}\n");
            foreach (IGrouping<string, Requirement> section in document.GroupBy(row => row.Section))
            {
                text.Append(CultureInfo.InvariantCulture, $"\n### {(document.Key == "grpc" ? "" : "Section ")}{section.Key}\n\n| id | level | binds | requirement | how we stand |\n| --- | --- | --- | --- | --- |\n");
                foreach (Requirement row in section)
                {
                    text.Append(CultureInfo.InvariantCulture, $"| {row.Id} | {row.Level} | {row.Role} | {Cell(row.Rule)} | {Stand(row, [.. claims[row.Id]])} |\n");
                }
            }
        }

        return text.ToString();
    }

    private static void WriteSummary(StringBuilder text, IReadOnlyList<Requirement> rows)
    {
        text.Append("| document | rows | tested | not applicable | deliberately not done |\n| --- | --- | --- | --- | --- |\n");
        foreach (IGrouping<string, Requirement> document in rows.GroupBy(row => row.Document))
        {
            text.Append(
                CultureInfo.InvariantCulture,
                $"| {Title(document.Key)} | {document.Count()} | {document.Count(row => row.Status == "tested")} | {document.Count(row => row.Status == "not-applicable")} | {document.Count(row => row.Status == "not-done")} |\n");
        }
    }

    private static string Stand(Requirement row, MethodInfo[] tests) => row.Status switch
    {
        "not-applicable" => $"not applicable: {Cell(row.Why)}",
        "not-done" => $"deliberately not done: {Cell(row.Why)}",
        _ => $"tested: {Tests(tests)}{(row.Why.Length > 0 ? $". {Cell(row.Why)}" : "")}",
    };

    private static string Tests(MethodInfo[] tests)
    {
        IEnumerable<string> names = tests.Select(test => $"`{test.DeclaringType!.Name}.{test.Name}`").Order(StringComparer.Ordinal);
        string more = tests.Length > NamedTests ? $" and {tests.Length - NamedTests} more" : "";
        return string.Join(", ", names.Take(NamedTests)) + more;
    }

    private static string Title(string document) => document == "grpc" ? "gRPC over HTTP/2" : $"RFC {document}";

    private static string Cell(string text) => text.Replace("|", "\\|", StringComparison.Ordinal);
}
