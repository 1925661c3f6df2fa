using System.Diagnostics.Metrics;

using Grpc.Core;

using MiniGrpc.Wire.Diagnostics;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Server.Diagnostics;

/// <summary>What a server measures of its calls (gRFC A66).</summary>
internal static class ServerMetrics
{
    private static readonly Counter<long> s_started = Telemetry.Meter.CreateCounter<long>(
        "grpc.server.call.started", "{call}", "Calls that were started, also those that have not ended.");

    private static readonly Histogram<long> s_sent = Telemetry.CreateSizes(
        "grpc.server.call.sent_total_compressed_message_size", "The octets of a call's responses, as they were sent, without their prefixes.");

    private static readonly Histogram<long> s_received = Telemetry.CreateSizes(
        "grpc.server.call.rcvd_total_compressed_message_size", "The octets of a call's requests, as they came, without their prefixes.");

    private static readonly Histogram<double> s_duration = Telemetry.CreateDurations(
        "grpc.server.call.duration", "How long a call took, from its header list to the end of its stream.");

    /// <summary>Whether anybody listens to any of it.</summary>
    public static bool Enabled => s_started.Enabled || s_sent.Enabled || s_received.Enabled || s_duration.Enabled;

    /// <summary>A call begins.</summary>
    public static void Started(MethodLabels labels) => s_started.Add(1, labels.Method);

    /// <summary>A call has ended.</summary>
    public static void Ended(MethodLabels labels, StatusCode code, TimeSpan duration, long sent, long received)
    {
        KeyValuePair<string, object?> status = new(Telemetry.StatusLabel, StatusCodeNames.Of((int)code));
        s_duration.Record(duration.TotalSeconds, labels.Method, status);
        s_sent.Record(sent, labels.Method, status);
        s_received.Record(received, labels.Method, status);
    }
}

/// <summary>What metrics and spans say of all calls of one method.</summary>
/// <param name="Name">The name of spans: <c>package.Service/Method</c>.</param>
/// <param name="Method">The method, as a label of metrics.</param>
/// <param name="SpanAttributes">What spans start with.</param>
internal sealed record MethodLabels(string Name, KeyValuePair<string, object?> Method, KeyValuePair<string, object?>[] SpanAttributes)
{
    /// <summary>All methods that the server doesn't have: clients may ask for any number of them, and each would be a series of its own (gRFC A66).</summary>
    public static readonly MethodLabels Other = new(Telemetry.OtherMethod, new(Telemetry.MethodLabel, Telemetry.Other), []);

    /// <summary>The labels of <paramref name="method"/>, <c>/package.Service/Method</c>.</summary>
    public static MethodLabels Of(string method)
    {
        string name = method[1..];
        return new MethodLabels(name, new(Telemetry.MethodLabel, name), Telemetry.SpanAttributes(name));
    }
}
