using System.Reflection;
using System.Text;
using MiniGrpc.Conformance.Wire.Architecture;

namespace MiniGrpc.Conformance.Wire.Ledger;

/// <summary>The requirements ledger and the tests agree: no row without a test or a reason, no claim without a row.</summary>
public class LedgerTests
{
    /// <summary>Set to 1 to write docs/requirements.md anew instead of comparing it.</summary>
    private const string UpdateVariable = "MINIGRPC_UPDATE_REQUIREMENTS";

    private static readonly string[] s_levels = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "RULE"];
    private static readonly string[] s_roles = ["client", "server", "both"];
    private static readonly string[] s_ends = ["Client", "Server"];
    private static readonly string[] s_statuses = ["tested", "not-applicable", "not-done"];

    private static readonly ILookup<string, MethodInfo> s_claims = typeof(LedgerTests).Assembly.GetTypes()
        .SelectMany(type => type.GetMethods())
        .SelectMany(method => method.GetCustomAttributes<RequirementAttribute>(inherit: false).Select(claim => (claim.Id, method)))
        .DistinctBy(claim => (claim.Id, claim.method.Module, claim.method.MetadataToken))
        .ToLookup(claim => claim.Id, claim => claim.method);

    [Fact]
    public void A_row_says_what_who_and_how_we_stand() => Assert.DoesNotContain(Requirement.All, row =>
        !s_levels.Contains(row.Level) || !s_roles.Contains(row.Role) || !s_statuses.Contains(row.Status)
        || row.Rule.Length < 10 || row.Id.Split('-').Length != 3);

    [Fact]
    public void Rows_of_a_section_are_numbered_from_one_without_gaps()
    {
        foreach (IGrouping<string, Requirement> section in Requirement.All.GroupBy(row => $"{row.Document}-{row.Section}"))
        {
            Assert.Equal(Enumerable.Range(1, section.Count()), section.Select(row => row.Number));
        }
    }

    [Fact]
    public void A_row_that_is_tested_has_a_test() =>
        Assert.Empty(Requirement.All.Where(row => row.Status == "tested" && !s_claims.Contains(row.Id)).Select(row => row.Id));

    /// <summary>
    /// A rule that binds both ends can be met on one of them alone. A test stands where its end is in the name of its namespace or its
    /// class (Engine.Client, ServerHandshakeTests); one that names none, or both, is about what they share.
    /// </summary>
    [Fact]
    public void A_row_is_tested_on_each_end_that_it_binds_or_says_why_not() => Assert.Empty(Requirement.All
        .Where(row => row.Status == "tested" && row.Why.Length == 0)
        .SelectMany(row => s_ends.Where(end => row.Role == "both" || row.Role.Equals(end, StringComparison.OrdinalIgnoreCase)).Select(end => (row.Id, end)))
        .Where(due => !s_claims[due.Id].Any(test => IsAbout(test, due.end)))
        .Select(due => $"{due.Id}: {due.end}"));

    [Fact]
    public void A_row_that_is_not_tested_says_why_and_has_no_test() =>
        Assert.Empty(Requirement.All.Where(row => row.Status != "tested" && (row.Why.Length < 10 || s_claims.Contains(row.Id))).Select(row => row.Id));

    [Fact]
    public void A_claim_has_a_row() =>
        Assert.Empty(s_claims.Select(claim => claim.Key).Except(Requirement.All.Select(row => row.Id)));

    /// <summary>What claims a row runs: a method without [Fact] or [Theory] would prove nothing.</summary>
    [Fact]
    public void A_claim_stands_on_a_test() => Assert.Empty(s_claims.SelectMany(claim => claim)
        .Where(method => !method.GetCustomAttributes(inherit: true).OfType<Xunit.v3.IFactAttribute>().Any())
        .Select(method => $"{method.DeclaringType!.Name}.{method.Name}"));

    [Fact]
    public void The_document_is_the_ledger()
    {
        string file = Path.Combine(Repository.Root, "docs", "requirements.md");
        string text = LedgerDocument.Write(Requirement.All, s_claims);
        if (Environment.GetEnvironmentVariable(UpdateVariable) == "1")
        {
            File.WriteAllText(file, text, new UTF8Encoding(false));
        }

        Assert.True(
            File.Exists(file) && File.ReadAllText(file) == text,
            $"docs/requirements.md is not what the ledger and the tests say: run these tests with {UpdateVariable}=1 to write it anew.");
    }

    private static bool IsAbout(MethodInfo test, string end)
    {
        string place = test.DeclaringType!.FullName!;
        string[] named = [.. s_ends.Where(other => place.Contains(other, StringComparison.Ordinal))];
        return named.Length != 1 || named[0] == end;
    }
}
