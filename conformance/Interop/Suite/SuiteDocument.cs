using MiniGrpc.Conformance.Interop.Programs;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>docs/interop.md says what is tested.</summary>
public sealed class SuiteDocument
{
    /// <summary>Set to 1, it writes the page instead of checking it.</summary>
    private const string Update = "MINIGRPC_UPDATE_INTEROP";

    [Fact]
    public void It_is_current()
    {
        string path = Path.Combine(Repository.Root, "docs", "interop.md");
        string page = SuiteMatrix.ToMarkdown();
        if (Environment.GetEnvironmentVariable(Update) == "1")
        {
            File.WriteAllText(path, page);
        }

        Assert.True(File.ReadAllText(path) == page, $"docs/interop.md is out of date; {Update}=1 dotnet test --project conformance/Interop -- --filter-class \"*SuiteDocument\" writes it.");
    }
}
