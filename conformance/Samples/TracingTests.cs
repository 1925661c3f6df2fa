using System.Text.RegularExpressions;

namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Tracing: a call through two servers, as spans and metrics.</summary>
public partial class TracingTests
{
    [Fact]
    public async Task The_spans_are_one_tree_and_every_attempt_is_counted()
    {
        await using SampleProgram program = SampleProgram.Start("Tracing");
        Ended ended = await program.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);

        // How long things took is left to chance.
        Assert.Equal(
            [
                "Hello Ada",
                "Spans: who called whom",
                "  visit, # ms",
                "    client greeter.Greeter/SayHello OK, # ms",
                "      server greeter.Greeter/SayHello OK, # ms",
                "        client greeter.Greeter/SayHello OK after 2 attempts, # ms",
                "          server greeter.Greeter/SayHello UNAVAILABLE, # ms",
                "          server greeter.Greeter/SayHello OK, # ms",
                "Metrics: how often, how long, how much",
                "  grpc.client.attempt.duration OK 2 × # ms",
                "  grpc.client.attempt.duration UNAVAILABLE 1 × # ms",
                "  grpc.client.attempt.rcvd_total_compressed_message_size OK 2 × 11 bytes",
                "  grpc.client.attempt.rcvd_total_compressed_message_size UNAVAILABLE 1 × 0 bytes",
                "  grpc.client.attempt.sent_total_compressed_message_size OK 2 × 5 bytes",
                "  grpc.client.attempt.sent_total_compressed_message_size UNAVAILABLE 1 × 5 bytes",
                "  grpc.client.attempt.started 3 {attempt}",
                "  grpc.client.call.duration OK 2 × # ms",
                "  grpc.server.call.duration OK 2 × # ms",
                "  grpc.server.call.duration UNAVAILABLE 1 × # ms",
                "  grpc.server.call.rcvd_total_compressed_message_size OK 2 × 5 bytes",
                "  grpc.server.call.rcvd_total_compressed_message_size UNAVAILABLE 1 × 5 bytes",
                "  grpc.server.call.sent_total_compressed_message_size OK 2 × 11 bytes",
                "  grpc.server.call.sent_total_compressed_message_size UNAVAILABLE 1 × 0 bytes",
                "  grpc.server.call.started 3 {call}",
            ],
            ended.Lines.Select(line => Indented().Replace(Milliseconds().Replace(line, "# ms"), " ")));
    }

    [GeneratedRegex(@"\d+\.\d ms")]
    private static partial Regex Milliseconds();

    /// <summary>The columns.</summary>
    [GeneratedRegex("(?<=[^ ]) {2,}")]
    private static partial Regex Indented();
}
