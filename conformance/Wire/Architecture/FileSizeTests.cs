namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>A file is one idea: up to 300 lines. Those that are longer are named here.</summary>
public class FileSizeTests
{
    private const int MaxLines = 300;

    /// <summary>A file goes from the list when it is clearly shorter, so that one at the edge doesn't come and go with each change.</summary>
    private const int ClearlyShorter = 280;

    /// <summary>Longer files, with the reason.</summary>
    private static readonly Dictionary<string, string> s_longer = new()
    {
    };

    [Fact]
    public void A_source_file_has_up_to_300_lines_or_is_named_here()
    {
        Dictionary<string, int> lines = CountLines();
        string[] unnamed = [.. lines.Keys.Where(file => lines[file] > MaxLines && !s_longer.ContainsKey(file))];
        string[] shorter = [.. s_longer.Keys.Where(file => lines.GetValueOrDefault(file) < ClearlyShorter)];
        Assert.True(unnamed.Length == 0, "Split these, or name them with the reason: " + string.Join(", ", unnamed));
        Assert.True(shorter.Length == 0, "No longer too long, take them off the list: " + string.Join(", ", shorter));
    }

    private static Dictionary<string, int> CountLines()
    {
        string root = Repository.Root;
        return Directory.EnumerateFiles(Path.Combine(root, "src"), "*.cs", SearchOption.AllDirectories)
            .Select(file => (Path: Path.GetRelativePath(root, file).Replace('\\', '/'), Lines: File.ReadLines(file).Count()))
            .Where(file => !file.Path.Contains("/obj/", StringComparison.Ordinal))
            .ToDictionary(file => file.Path, file => file.Lines);
    }
}
