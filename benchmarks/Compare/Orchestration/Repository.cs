namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>The source that this program was built from, which it runs from within.</summary>
internal static class Repository
{
    /// <summary>The folder with the solution.</summary>
    public static string Root
    {
        get
        {
            string? folder = AppContext.BaseDirectory;
            while (folder is not null && !File.Exists(Path.Combine(folder, "MiniGrpc.sln")))
            {
                folder = Path.GetDirectoryName(folder);
            }

            return folder ?? throw new BenchmarkException($"'{AppContext.BaseDirectory}' is not within the repository, whose source is needed here.");
        }
    }
}
