namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/InMemory: a service's tests without a socket. Run as a program, they print what xunit prints.</summary>
public class InMemoryTests
{
    [Fact]
    public async Task All_of_its_tests_pass()
    {
        await using SampleProgram program = SampleProgram.Start("InMemory", "-noLogo", "-noColor");
        Ended ended = await program.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Contains(ended.Lines, line => line.Contains("Total: 4, Errors: 0, Failed: 0, Skipped: 0", StringComparison.Ordinal));
        Assert.Equal(0, ended.ExitCode);
    }
}
