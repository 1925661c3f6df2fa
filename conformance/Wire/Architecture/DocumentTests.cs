using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;

using MiniGrpc.Client.Configuration;
using MiniGrpc.Wire;

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

    public static TheoryData<Type> ServiceConfigs =>
    [
        typeof(ServiceConfig), typeof(MethodConfig), typeof(MethodName), typeof(RetryPolicy), typeof(HedgingPolicy), typeof(RetryThrottlingPolicy),
        typeof(PickFirstConfig), typeof(OutlierDetectionConfig), typeof(SuccessRateEjection), typeof(FailurePercentageEjection),
    ];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_leads_to_a_file_that_is_there(string document)
    {
        string path = Path.Combine(Repository.Root, document);
        IEnumerable<string> broken = Links().Matches(File.ReadAllText(path))
            .Select(link => link.Groups["target"].Value)
            .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(Path.GetDirectoryName(path)!, target)));
        Assert.Empty(broken);
    }

    [Theory]
    [MemberData(nameof(Documents))]
    public void Every_link_to_a_heading_leads_to_one(string document)
    {
        string path = Path.Combine(Repository.Root, document);
        IEnumerable<string> broken = Links().Matches(File.ReadAllText(path))
            .Where(link => link.Groups["heading"].Success && !link.Value.Contains("://", StringComparison.Ordinal))
            .Where(link => !HeadingsOf(link.Groups["target"].Value is { Length: > 0 } target ? Path.Combine(Path.GetDirectoryName(path)!, target) : path)
                .Contains(link.Groups["heading"].Value))
            .Select(link => link.Value);
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

    [Theory]
    [MemberData(nameof(Options))]
    public void Every_default_in_the_configuration_document_is_that_of_the_option(Type options)
    {
        object made = options == typeof(MiniGrpc.Server.ServerTls) ? new MiniGrpc.Server.ServerTls(_ => null) : Activator.CreateInstance(options)!;
        string[][] rows = [.. OptionRows(options)];
        int column = Array.IndexOf(rows[0], "default");
        IEnumerable<string> wrong = rows.Skip(2)
            .Select(row => (Row: row, Value: options.GetProperty(row[0].Trim('`'))!.GetValue(made)))
            .Where(option => !Says(option.Row[column], option.Value))
            .Select(option => $"{option.Row[0]} is {option.Value}, not {option.Row[column]}");
        Assert.Empty(wrong);
    }

    [Theory]
    [MemberData(nameof(ServiceConfigs))]
    public void Every_part_of_a_service_config_has_a_row_in_the_configuration_document(Type part)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md"));
        IEnumerable<string> missing = part.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(property => $"| `{part.Name}.{property.Name}` |")
            .Where(cell => !text.Contains(cell, StringComparison.Ordinal));
        Assert.Empty(missing);
    }

    /// <summary>The headings of a document as links name them: in lower case, with hyphens, without punctuation.</summary>
    private static HashSet<string> HeadingsOf(string path) =>
    [
        .. Headings().Matches(File.ReadAllText(path))
            .Select(heading => NotInLinks().Replace(heading.Groups["text"].Value.ToLowerInvariant(), "").Replace(' ', '-')),
    ];

    /// <summary>The table of an options type: its heading, the line below, and a row for each option.</summary>
    private static IEnumerable<string[]> OptionRows(Type options)
    {
        string text = File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md"));
        return text.Split($"## {options.Name}\n")[1].Split('\n')
            .SkipWhile(line => !line.StartsWith('|'))
            .TakeWhile(line => line.StartsWith('|'))
            .Select(line => line.Trim('|').Split('|', StringSplitOptions.TrimEntries));
    }

    /// <summary>Whether what the document says of a default is <paramref name="value"/>.</summary>
    private static bool Says(string cell, object? value) => value switch
    {
        null => cell.StartsWith("null", StringComparison.Ordinal),
        bool flag => cell == (flag ? "true" : "false"),
        int or long => cell.EndsWith("iB", StringComparison.Ordinal)
            ? Convert.ToInt64(value, CultureInfo.InvariantCulture) == long.Parse(cell[..^4], CultureInfo.InvariantCulture) << (cell[^3] == 'M' ? 20 : 10)
            : Convert.ToInt64(value, CultureInfo.InvariantCulture) == long.Parse(cell.Replace(",", ""), CultureInfo.InvariantCulture),
        TimeSpan time when time == Timeout.InfiniteTimeSpan => cell == "for ever",
        TimeSpan time => cell.Split(' ') is [string number, string unit] && time == int.Parse(number, CultureInfo.InvariantCulture) * unit switch
        {
            "s" => TimeSpan.FromSeconds(1),
            "min" => TimeSpan.FromMinutes(1),
            _ => TimeSpan.FromHours(1),
        },
        RateLimit rate => cell.Replace(",", "") == $"{rate.Burst} {rate.PerSecond}/s",
        Enum mode => cell == $"`{mode}`",
        System.Collections.IEnumerable list => cell == "empty" && !list.Cast<object>().Any(),
        TimeProvider clock => cell == "the system's" && clock == TimeProvider.System,
        AbuseLimits => cell == "see [below](#abuselimits)",
        _ => false,
    };

    /// <summary>[text](target#heading); a link to a heading of the same document has no target.</summary>
    [GeneratedRegex(@"\]\((?<target>[^)#\s]*)(#(?<heading>[^)\s]*))?\)")]
    private static partial Regex Links();

    [GeneratedRegex("^#+ (?<text>.*)$", RegexOptions.Multiline)]
    private static partial Regex Headings();

    [GeneratedRegex(@"[^\w\- ]")]
    private static partial Regex NotInLinks();
}
