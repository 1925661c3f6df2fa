using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;

using Microsoft.Extensions.Logging;

namespace MiniGrpc.Wire.Diagnostics;

/// <summary>
/// What listeners are told goes by one name: the meter is called <c>MiniGrpc</c>, and so is the source of spans. What server and client
/// have in common stands here; docs/observability.md lists all of it.
/// </summary>
/// <remarks>Thread-safe. Listeners are user code: nothing of a call is told on the receive loop, and nothing at all under the gate.</remarks>
internal static class Telemetry
{
    /// <summary>The name of the meter and of the source.</summary>
    public const string Name = "MiniGrpc";

    /// <summary>The method's full name without the slash in front: <c>package.Service/Method</c> (gRFC A66).</summary>
    public const string MethodLabel = "grpc.method";

    /// <summary>What the channel was made for (gRFC A66).</summary>
    public const string TargetLabel = "grpc.target";

    /// <summary>How the call or the attempt ended, by the name of its code (gRFC A66).</summary>
    public const string StatusLabel = "grpc.status";

    /// <summary>What stands for all names that would be too many series of their own (gRFC A66).</summary>
    public const string Other = "other";

    /// <summary>The same for the names of methods that a server doesn't have, in spans.</summary>
    public const string OtherMethod = "_OTHER";

    private const string StatusAttribute = "rpc.response.status_code";
    private const string ErrorAttribute = "error.type";

    private static readonly string? s_version = typeof(Telemetry).Assembly.GetName().Version?.ToString(3);

    /// <summary>gRFC A66, latency buckets, in seconds.</summary>
    private static readonly InstrumentAdvice<double> s_latencies = new()
    {
        HistogramBucketBoundaries =
        [
            0, 0.00001, 0.00005, 0.0001, 0.0003, 0.0006, 0.0008, 0.001, 0.002, 0.003, 0.004, 0.005, 0.006, 0.008, 0.01, 0.013, 0.016,
            0.02, 0.025, 0.03, 0.04, 0.05, 0.065, 0.08, 0.1, 0.13, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5, 0.65, 0.8, 1, 2, 5, 10, 20, 50, 100,
        ],
    };

    /// <summary>gRFC A66, size buckets, in octets.</summary>
    private static readonly InstrumentAdvice<long> s_sizes = new()
    {
        HistogramBucketBoundaries =
            [0, 1024, 2048, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864, 268435456, 1073741824, 4294967296],
    };

    /// <summary>The meter of everything that is counted.</summary>
    public static Meter Meter { get; } = new(Name, s_version);

    /// <summary>Where spans come from.</summary>
    public static ActivitySource Source { get; } = new(Name, s_version);

    /// <summary>A histogram of durations in seconds, with gRPC's bucket boundaries.</summary>
    public static Histogram<double> CreateDurations(string name, string description) =>
        Meter.CreateHistogram(name, "s", description, tags: null, s_latencies);

    /// <summary>A histogram of sizes in octets, with gRPC's bucket boundaries.</summary>
    public static Histogram<long> CreateSizes(string name, string description) =>
        Meter.CreateHistogram(name, "By", description, tags: null, s_sizes);

    /// <summary>What OpenTelemetry's conventions for RPC want to know of every call of a method, <c>package.Service/Method</c>.</summary>
    public static KeyValuePair<string, object?>[] SpanAttributes(string method) => [new("rpc.system.name", "grpc"), new("rpc.method", method)];

    /// <summary>The same for calls of methods that a server doesn't have. Which they are is said besides: that is no series, as names of spans are.</summary>
    public static KeyValuePair<string, object?>[] OtherSpanAttributes(string method) => [.. SpanAttributes(OtherMethod), new("rpc.method_original", method)];

    /// <summary>Where a server is, as an attribute of spans or two: <paramref name="authority"/> is <c>host:port</c>, <c>host</c> or <c>[address]:port</c>.</summary>
    public static KeyValuePair<string, object?>[] ServerAttributes(string authority, int? defaultPort = null)
    {
        int colon = authority.LastIndexOf(':');
        int number = 0;
        bool hasPort = colon > authority.LastIndexOf(']')
            && int.TryParse(authority.AsSpan(colon + 1), NumberStyles.None, CultureInfo.InvariantCulture, out number);
        string host = (hasPort ? authority[..colon] : authority).Trim('[', ']');
        int? port = hasPort ? number : defaultPort;
        return port is null ? [new("server.address", host)] : [new("server.address", host), new("server.port", port)];
    }

    /// <summary>
    /// Ends a span. <paramref name="statusCode"/> is the code's name; <paramref name="isError"/> says whether its side of the call has to take the status for a failure of its own. Code that
    /// goes on here goes on in the span that it was in.
    /// </summary>
    public static void Stop(Activity span, string statusCode, string detail, bool isError)
    {
        span.SetTag(StatusAttribute, statusCode);
        if (isError)
        {
            span.SetTag(ErrorAttribute, statusCode);
            span.SetStatus(ActivityStatusCode.Error, detail);
        }

        Activity? current = Activity.Current;
        try
        {
            span.Stop(); // which makes the span before it the current one
        }
        finally
        {
            if (current != span)
            {
                Activity.Current = current;
            }
        }
    }

    /// <summary>Tells listeners, who are user code: the call goes on whatever they throw.</summary>
    public static void Tell(ILogger logger, Action listeners)
    {
        try
        {
            listeners();
        }
        catch (Exception e)
        {
            LogFailure(logger, e);
        }
    }

    /// <summary>A listener has thrown.</summary>
    public static void LogFailure(ILogger logger, Exception e) => logger.LogError(e, "A listener to the metrics or spans of {Source} threw an exception", Name);
}
