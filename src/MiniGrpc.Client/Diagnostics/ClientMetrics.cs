using System.Diagnostics.Metrics;

using Grpc.Core;

using MiniGrpc.Wire.Diagnostics;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Client.Diagnostics;

/// <summary>What a channel measures of its calls (gRFC A66). A call is what the program makes; it has an attempt, or several.</summary>
internal static class ClientMetrics
{
    private static readonly Counter<long> s_attemptsStarted = Telemetry.Meter.CreateCounter<long>(
        "grpc.client.attempt.started", "{attempt}", "Attempts that were started, also those that have not ended.");

    private static readonly Histogram<double> s_attemptDuration = Telemetry.CreateDurations(
        "grpc.client.attempt.duration", "How long an attempt took, with the wait for a connection.");

    private static readonly Histogram<long> s_attemptSent = Telemetry.CreateSizes(
        "grpc.client.attempt.sent_total_compressed_message_size", "The octets of an attempt's requests, as they were sent, without their prefixes.");

    private static readonly Histogram<long> s_attemptReceived = Telemetry.CreateSizes(
        "grpc.client.attempt.rcvd_total_compressed_message_size", "The octets of an attempt's responses, as they came, without their prefixes.");

    private static readonly Histogram<double> s_callDuration = Telemetry.CreateDurations(
        "grpc.client.call.duration", "How long a call took as its caller sees it, with all of its attempts.");

    /// <summary>Whether anybody listens to any of it.</summary>
    public static bool Enabled =>
        s_attemptsStarted.Enabled || s_attemptDuration.Enabled || s_attemptSent.Enabled || s_attemptReceived.Enabled || s_callDuration.Enabled;

    /// <summary>An attempt begins.</summary>
    public static void AttemptStarted(CallLabels labels) => s_attemptsStarted.Add(1, labels.Method, labels.Target);

    /// <summary>An attempt has ended.</summary>
    public static void AttemptEnded(CallLabels labels, AttemptEnd end)
    {
        KeyValuePair<string, object?> status = StatusLabel(end.Code);
        s_attemptDuration.Record(end.Duration.TotalSeconds, labels.Method, labels.Target, status);
        s_attemptSent.Record(end.Sent, labels.Method, labels.Target, status);
        s_attemptReceived.Record(end.Received, labels.Method, labels.Target, status);
    }

    /// <summary>A call has ended.</summary>
    public static void CallEnded(CallLabels labels, StatusCode code, TimeSpan duration) =>
        s_callDuration.Record(duration.TotalSeconds, labels.Method, labels.Target, StatusLabel(code));

    private static KeyValuePair<string, object?> StatusLabel(StatusCode code) => new(Telemetry.StatusLabel, StatusCodeNames.Of((int)code));
}

/// <summary>How an attempt ended.</summary>
/// <param name="Code">Its status.</param>
/// <param name="Duration">How long it took.</param>
/// <param name="Sent">The octets of its requests.</param>
/// <param name="Received">The octets of its responses.</param>
internal sealed record AttemptEnd(StatusCode Code, TimeSpan Duration, long Sent, long Received);
