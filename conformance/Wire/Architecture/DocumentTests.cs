using System.Reflection;
using System.Text.RegularExpressions;

namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>The documents keep up with the code.</summary>
public partial class DocumentTests
{
    public static TheoryData<string> Documents =>
    [
        .. Directory.EnumerateFiles(Repository.Root, "*.md")
            .Concat(Directory.EnumerateFiles(Path.Combine(Repository.Root, "docs"), "*.md", SearchOption.AllDirectories))
            .Select(file => Path.GetRelativePath(Repository.Root, file)),
    ];

    public static TheoryData<Type> Options =>
    [
        typeof(MiniGrpc.Server.GrpcServerOptions), typeof(MiniGrpc.Server.ServerTls),
        typeof(MiniGrpc.Client.MiniChannelOptions), typeof(MiniGrpc.Client.ClientTls),
        typeof(MiniGrpc.Wire.AbuseLimits),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_leads_to_a_file_that_is_there(string document)
    {
        string path = Path.Combine(Repository.Root, document);
        IEnumerable<string> broken = Links().Matches(File.ReadAllText(path))
            .Select(link => link.Groups["target"].Value)
            .Where(target => !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(Path.GetDirectoryName(path)!, target)));
        Assert.Empty(broken);
    }

    [Fact]
    public void The_documents_have_links_to_check() =>
        Assert.True(Links().Count(File.ReadAllText(Path.Combine(Repository.Root, "docs", "tour.md"))) > 50);

    [Theory]
    [MemberData(nameof(Options))]
    public void Every_option_has_a_row_in_the_configuration_document(Type options)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md"));
        string section = text.Split($"## {options.Name}\n")[1].Split("\n## ")[0];
        IEnumerable<string> missing = options.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(property => property.Name)
            .Where(name => !section.Contains($"| `{name}` |", StringComparison.Ordinal));
        Assert.Empty(missing);
    }

    /// <summary>[text](target#heading); a link to a heading of the same document has no target to look for.</summary>
    [GeneratedRegex(@"\]\((?<target>[^)#\s]+)(#[^)\s]*)?\)")]
    private static partial Regex Links();
}
