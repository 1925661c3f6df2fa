namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Retry: a call that is tried again, and one that is hedged.</summary>
public class RetryTests
{
    [Fact]
    public async Task The_third_attempt_succeeds_and_a_fast_attempt_overtakes_a_slow_one()
    {
        await using SampleProgram program = SampleProgram.Start("Retry");
        Ended ended = await program.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);
        Assert.Equal(
            [
                "Retries: the server fails twice, the third attempt succeeds",
                "  server: grpc-previous-rpc-attempts: none; fails with UNAVAILABLE",
                "  server: grpc-previous-rpc-attempts: 1; fails with UNAVAILABLE",
                "  server: grpc-previous-rpc-attempts: 2; succeeds",
                "  client: Hello Ada, at attempt 3",
                "Hedging: the first attempt is slow, the second one overtakes it",
            ],
            ended.Lines.Take(6));

        // Both attempts are under way at the same time, so their lines may mix.
        Assert.Equal(
            [
                "  client: Hello Ada, at attempt 2",
                "  server: grpc-previous-rpc-attempts: 1; succeeds",
                "  server: grpc-previous-rpc-attempts: none; is cancelled, its answer is no longer wanted",
                "  server: grpc-previous-rpc-attempts: none; takes its time",
            ],
            ended.Lines.Skip(6).Order(StringComparer.Ordinal));
    }
}
