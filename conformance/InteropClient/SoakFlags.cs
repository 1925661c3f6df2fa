using System.CommandLine;
using MiniGrpc.Conformance.InteropClient.Cases;

namespace MiniGrpc.Conformance.InteropClient;

/// <summary>The flags of the soaks: those of the official clients but for <c>--soak_num_threads</c>, since calls are made one after the other.</summary>
internal static class SoakFlags
{
    /// <summary>Far more than servers take, and what a Protocol Buffers message may be (2 GiB) is not reached.</summary>
    private const int LargestSize = 1 << 30;

    private static readonly Option<int> s_iterations = Number("--soak_iterations", "The soaks' number of calls.", SoakSettings.Default.Iterations).Within(1);
    private static readonly Option<int> s_failures = Number("--soak_max_failures", "How many of them may fail.", SoakSettings.Default.MaxFailures).Within(0);
    private static readonly Option<int> s_requestSize = Number("--soak_request_size", "The octets of a request's payload.", SoakSettings.Default.RequestSize).Within(0, LargestSize);
    private static readonly Option<int> s_responseSize = Number("--soak_response_size", "The octets of a response's payload.", SoakSettings.Default.ResponseSize).Within(0, LargestSize);

    private static readonly Option<int> s_latency = Number(
        "--soak_per_iteration_max_acceptable_latency_ms",
        "A call that takes longer counts as failed, in milliseconds.",
        (int)SoakSettings.Default.MaxLatency.TotalMilliseconds).Within(0);

    private static readonly Option<int> s_interval = Number(
        "--soak_min_time_ms_between_rpcs",
        "How soon a call may follow the one before it, in milliseconds from start to start.",
        (int)SoakSettings.Default.Interval.TotalMilliseconds).Within(0);

    private static readonly Option<int> s_timeout = Number(
        "--soak_overall_timeout_seconds",
        "What all calls together may take, in seconds.",
        (int)SoakSettings.Default.Timeout.TotalSeconds).Within(0);

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Option> All { get; } = [s_iterations, s_failures, s_requestSize, s_responseSize, s_latency, s_interval, s_timeout];

    /// <summary>What they say.</summary>
    public static SoakSettings Read(ParseResult parsed) => new(
        parsed.GetValue(s_iterations),
        parsed.GetValue(s_failures),
        TimeSpan.FromMilliseconds(parsed.GetValue(s_latency)),
        TimeSpan.FromSeconds(parsed.GetValue(s_timeout)))
    {
        RequestSize = parsed.GetValue(s_requestSize),
        ResponseSize = parsed.GetValue(s_responseSize),
        Interval = TimeSpan.FromMilliseconds(parsed.GetValue(s_interval)),
    };

    private static Option<int> Number(string name, string description, int value) => new(name) { Description = description, DefaultValueFactory = _ => value };
}
