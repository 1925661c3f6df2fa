namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>Hpack, Http2 and Grpc take octets and give octets: a reader may trust it, and a fuzzer may drive it.</summary>
public class PurityTests
{
    [Fact]
    public void Pure_folders_use_no_sockets_tasks_threads_locks_or_clocks()
    {
        List<Reference> impure = [.. Impure().Where(use => !Purity.Exceptions.ContainsKey(use.From.ToString()))];
        Assert.True(impure.Count == 0, "Pure code must not do this:\n" + string.Join('\n', impure));
    }

    [Fact]
    public void No_exception_outlives_its_violation()
    {
        HashSet<string> violators = [.. Impure().Select(use => use.From.ToString())];
        Assert.All(Purity.Exceptions.Keys, exception => Assert.Contains(exception, violators));
    }

    [Fact]
    public void Only_the_two_memory_adapters_are_streams()
    {
        IEnumerable<string> streams = PureUses()
            .Where(use => use is { Where: "(declaration)", To: { Namespace: "System.IO", Name: "Stream" } })
            .Select(use => use.From.ToString());
        Assert.Equal(Purity.MemoryStreams, streams.Order(StringComparer.Ordinal));
    }

    [Theory]
    [InlineData("Hpack")]
    [InlineData("Http2")]
    [InlineData("Grpc")]
    public void The_walk_reaches_every_pure_folder(string folder)
    {
        // A folder that was renamed would otherwise be pure for want of code.
        Assert.Contains(folder, Purity.Folders);
        Assert.True(PureUses().Count(use => Folders.Of(use.From) == folder) > 100, $"hardly anything was found in {folder}");
    }

    private static IEnumerable<Reference> PureUses() =>
        CompiledAssembly.Wire.Uses.Where(use => Purity.Folders.Contains(Folders.Of(use.From)));

    private static IEnumerable<Reference> Impure() => PureUses().Where(Purity.Forbids);
}
