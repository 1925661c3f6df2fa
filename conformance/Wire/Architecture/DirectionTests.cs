namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>Which part of MiniGrpc may know which: Server → Wire ← Client, and inside Wire downwards only.</summary>
public class DirectionTests
{
    /// <summary>HTTP stacks; MiniGrpc brings its own.</summary>
    private static readonly string[] s_httpStacks =
        ["System.Net.Http", "System.Net.Quic", "System.Net.HttpListener", "System.Net.WebSockets", "Microsoft.AspNetCore"];

    public static TheoryData<string> AllFolders => [.. Folders.MayKnow.Keys];

    public static TheoryData<string> Assemblies => [.. All.Select(assembly => assembly.Name)];

    private static CompiledAssembly[] All => [CompiledAssembly.Wire, CompiledAssembly.Server, CompiledAssembly.Client];

    [Theory]
    [MemberData(nameof(AllFolders))]
    public void A_folder_of_Wire_knows_only_what_stands_below_it(string folder)
    {
        List<Reference> uses = [.. CompiledAssembly.Wire.Uses.Where(use => Folders.Of(use.From) == folder)];
        Assert.NotEmpty(uses);
        List<Reference> wrong = [.. uses.Where(use => Folders.Of(use.To) is { } to && to != folder && !Folders.MayKnow[folder].Contains(to))];
        Assert.True(wrong.Count == 0, $"{folder} may know [{string.Join(", ", Folders.MayKnow[folder])}]:\n" + string.Join('\n', wrong));
    }

    [Fact]
    public void Every_type_of_Wire_stands_in_a_folder_that_has_a_direction()
    {
        List<TypeName> homeless = [.. CompiledAssembly.Wire.Types.Where(type => Folders.Of(type) is not { } folder || !Folders.MayKnow.ContainsKey(folder))];
        Assert.True(homeless.Count == 0, "No direction is known for:\n" + string.Join('\n', homeless));
    }

    [Fact]
    public void No_two_folders_know_each_other()
    {
        foreach ((string folder, string[] known) in Folders.MayKnow)
        {
            Assert.All(known, other => Assert.DoesNotContain(folder, Folders.MayKnow[other]));
        }
    }

    [Fact]
    public void Server_and_client_know_Wire_and_not_each_other()
    {
        Assert.Equal(["MiniGrpc.Wire"], Own(CompiledAssembly.Server));
        Assert.Equal(["MiniGrpc.Wire"], Own(CompiledAssembly.Client));
        Assert.Empty(Own(CompiledAssembly.Wire));
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void No_assembly_needs_another_HTTP_stack(string name)
    {
        CompiledAssembly assembly = Array.Find(All, assembly => assembly.Name == name)!;
        Assert.NotEmpty(assembly.References);
        Assert.DoesNotContain(assembly.References, IsHttpStack);
        Assert.DoesNotContain(assembly.Uses, use => IsHttpStack(use.To.Namespace));
        Assert.DoesNotContain(assembly.Uses, use => use.To is { Namespace: "System.Net", Name: "HttpListener" or "WebRequest" or "WebClient" });
    }

    [Theory]
    [MemberData(nameof(Assemblies))]
    public void No_assembly_calls_native_code(string name)
    {
        CompiledAssembly assembly = Array.Find(All, assembly => assembly.Name == name)!;
        Assert.Empty(assembly.Externs);
        Assert.DoesNotContain(assembly.Uses, use => use.To is { Namespace: "System.Runtime.InteropServices", Name: "NativeLibrary" });
    }

    private static bool IsHttpStack(string name) =>
        Array.Exists(s_httpStacks, stack => name == stack || name.StartsWith(stack + ".", StringComparison.Ordinal));

    private static IEnumerable<string> Own(CompiledAssembly assembly) =>
        assembly.References.Where(reference => reference.StartsWith("MiniGrpc", StringComparison.Ordinal));
}
