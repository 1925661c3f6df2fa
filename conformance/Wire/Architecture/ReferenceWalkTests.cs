namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>The tests of the architecture can fail: what is planted is found.</summary>
public class ReferenceWalkTests
{
    private static readonly CompiledAssembly s_self = CompiledAssembly.Load(typeof(Planted).Assembly);

    [Theory]
    [InlineData("a type argument of an interface", "System.DateTime")]
    [InlineData("a field's element type", "System.Net.Sockets.Socket")]
    [InlineData("a parameter of an abstract method", "System.Threading.CancellationToken")]
    [InlineData("a constraint", "System.TimeProvider")]
    [InlineData("a property read", "System.Environment", "get_TickCount64")]
    [InlineData("a call inside a lambda", "System.Threading.Thread", "Yield")]
    [InlineData("typeof", "System.Threading.Monitor")]
    [InlineData("a type test", "System.Threading.Timer")]
    [InlineData("a type argument of a type argument", "System.IO.Pipelines.Pipe")]
    [InlineData("what a called member returns", "System.Threading.Tasks.Task")]
    [InlineData("an async method", "System.Runtime.CompilerServices.IAsyncStateMachine")]
    [InlineData("the body of an iterator", "System.IO.File", "Exists")]
    [InlineData("a catch clause", "System.Net.Sockets.SocketException")]
    [InlineData("the code behind a switch instruction", "Grpc.Core.Status", "get_Detail")]
    public void Every_place_that_names_a_type_is_seen_and_judged(string place, string type, string member = "")
    {
        Assert.True(
            s_self.Uses.Any(use => use.From.Name == nameof(Planted) && use.To.ToString() == type && use.Member == member && Purity.Forbids(use)),
            $"{place} was overlooked");
    }

    [Theory]
    [InlineData("System.Threading", "Interlocked", "Add")]
    [InlineData("System.Threading", "Volatile", "Read")]
    [InlineData("System.IO", "Stream", "Read")]
    [InlineData("System", "Environment", "get_NewLine")]
    [InlineData("System.Buffers", "ArrayPool", "get_Shared")]
    public void What_pure_code_may_use_is_let_through(string space, string name, string member) =>
        Assert.False(Purity.Forbids(new Reference(new TypeName("MiniGrpc.Wire.Http2", "X"), "Y", new TypeName(space, name), member)));

    [Theory]
    [InlineData("MiniGrpc.Wire.Http2.Frames", "DataFrame", "Http2")]
    [InlineData("MiniGrpc.Wire.Hpack", "HpackDecoder", "Hpack")]
    [InlineData("MiniGrpc.Wire", "WireFrame", "Connection")]
    [InlineData("MiniGrpc.Wire", "Unheard", null)]
    [InlineData("MiniGrpc.Wireless", "Radio", null)]
    [InlineData("System", "String", null)]
    public void A_types_folder_follows_from_its_namespace(string space, string name, string? folder) =>
        Assert.Equal(folder, Folders.Of(new TypeName(space, name)));
}
