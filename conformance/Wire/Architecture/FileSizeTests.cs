namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>A file is one idea: up to 300 lines. Those that are longer are named here.</summary>
public class FileSizeTests
{
    private const int MaxLines = 300;

    /// <summary>Longer files, with the reason. A file that has become shorter goes from the list.</summary>
    private static readonly Dictionary<string, string> s_longer = new()
    {
        ["src/MiniGrpc.Client/ClientCall.cs"] = "to be split: the call's end, its metadata and its start are three things",
        ["src/MiniGrpc.Client/Subchannel.cs"] = "to be split: connecting with backoff, and the queue of calls that wait",
        ["src/MiniGrpc.Wire/Calls/MessageInbox.cs"] = "the inbox and its segments share one lock and one set of counters",
        ["src/MiniGrpc.Wire/Http2/ReceiveSide.Streams.cs"] = "one method for each frame of a stream, side by side",
        ["src/MiniGrpc.Wire/Http2/SendSide.cs"] = "everything that one stream sends, in the order of its life",
    };

    [Fact]
    public void A_source_file_has_up_to_300_lines_or_is_named_here()
    {
        string[] longer = [.. LongFiles()];
        Assert.True(longer.All(s_longer.ContainsKey), "Split these, or name them with the reason: " + string.Join(", ", longer.Except(s_longer.Keys)));
        Assert.True(s_longer.Keys.All(longer.Contains), "No longer too long, take them off the list: " + string.Join(", ", s_longer.Keys.Except(longer)));
    }

    private static IEnumerable<string> LongFiles()
    {
        string root = FindRoot();
        return Directory.EnumerateFiles(Path.Combine(root, "src"), "*.cs", SearchOption.AllDirectories)
            .Where(file => File.ReadLines(file).Count() > MaxLines)
            .Select(file => Path.GetRelativePath(root, file).Replace('\\', '/'))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal));
    }

    private static string FindRoot()
    {
        DirectoryInfo? directory = new(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "MiniGrpc.sln")))
        {
            directory = directory.Parent;
        }

        return directory?.FullName ?? throw new DirectoryNotFoundException($"MiniGrpc.sln is in no folder above {AppContext.BaseDirectory}");
    }
}
