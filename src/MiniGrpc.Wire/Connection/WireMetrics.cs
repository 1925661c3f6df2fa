using System.Diagnostics.Metrics;

using Microsoft.Extensions.Logging;

using MiniGrpc.Wire.Diagnostics;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Connection;

/// <summary>
/// What a connection counts, for <see cref="Meter"/> listeners: the meter <c>MiniGrpc</c>. Costs next to nothing when
/// nobody listens.
/// </summary>
/// <remarks>Told where it happens, on the receive loop as well, but never under the gate. Connections go on whatever listeners throw.</remarks>
internal static class WireMetrics
{
    private static readonly UpDownCounter<long> s_connections = Telemetry.Meter.CreateUpDownCounter<long>(
        "minigrpc.connections.active", "{connection}", "Connections that are open.");

    private static readonly Counter<long> s_refused = Telemetry.Meter.CreateCounter<long>(
        "minigrpc.connections.refused", "{connection}", "Connections that were closed at once because there were too many.");

    private static readonly Counter<long> s_limits = Telemetry.Meter.CreateCounter<long>(
        "minigrpc.limits.exceeded", "{error}", "Connections and calls that were ended because the peer passed a limit, by the limit's name.");

    private static readonly Counter<long> s_resets = Telemetry.Meter.CreateCounter<long>(
        "minigrpc.streams.reset", "{stream}", "Streams that were reset, by whom and with which error code.");

    private static readonly Counter<long> s_errors = Telemetry.Meter.CreateCounter<long>(
        "minigrpc.protocol_errors", "{error}", "Rules of HTTP/2 that peers broke, by scope and error code.");

    private static readonly Counter<long> s_skippedFields = Telemetry.Meter.CreateCounter<long>(
        "minigrpc.metadata.skipped", "{field}", "Fields of peers that were left out of metadata, which can't hold their names.");

    /// <summary>A connection was opened (1) or closed (-1).</summary>
    public static void AddConnection(Role role, int change, ILogger logger) => Telemetry.Tell(logger, () => s_connections.Add(change, RoleTag(role)));

    /// <summary>A connection was turned away.</summary>
    public static void ConnectionRefused(ILogger logger) => Add(s_refused, 1, logger);

    /// <summary>A field was left out of metadata.</summary>
    public static void FieldSkipped(ILogger logger) => Add(s_skippedFields, 1, logger);

    /// <summary>A peer has broken a rule or passed a limit.</summary>
    public static void ProtocolError(Role role, ProtocolError error, ILogger logger)
    {
        if (error.Limit is { } limit)
        {
            LimitPassed(role, limit, logger);
        }

        if (s_errors.Enabled) // the name of a code may have to be made
        {
            Add(s_errors, 1, logger, RoleTag(role), new("scope", error.Scope == ErrorScope.Connection ? "connection" : "stream"), new("code", ErrorCodes.Name(error.Code)));
        }
    }

    /// <summary>A peer has passed a limit, one of time perhaps, to which HTTP/2 has no answer.</summary>
    public static void LimitPassed(Role role, string limit, ILogger logger) => Add(s_limits, 1, logger, RoleTag(role), new("limit", limit));

    /// <summary>The peer has reset a stream.</summary>
    public static void StreamReset(Role role, ErrorCode code, ILogger logger)
    {
        if (s_resets.Enabled)
        {
            Add(s_resets, 1, logger, RoleTag(role), new("code", ErrorCodes.Name(code)));
        }
    }

    private static KeyValuePair<string, object?> RoleTag(Role role) => new("role", role == Role.Client ? "client" : "server");

    /// <summary>As <see cref="Telemetry.Tell"/>, without an action that would be made though nobody listens: a peer says how often.</summary>
    private static void Add(Counter<long> counter, long change, ILogger logger, params ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        if (!counter.Enabled)
        {
            return;
        }

        try
        {
            counter.Add(change, labels);
        }
        catch (Exception e)
        {
            Telemetry.LogFailure(logger, e);
        }
    }
}
