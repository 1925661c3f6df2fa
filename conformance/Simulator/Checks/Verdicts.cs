using Grpc.Core;

using MiniGrpc.Client.Repeating;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>Which ends a call's history allows.</summary>
internal static class Verdicts
{
    /// <summary>What gzip adds to a message besides its codes: header, trailer and the beginnings of blocks.</summary>
    private const int CompressionOverhead = 512;

    /// <summary>Fails the run when a call has ended in a way that it can't have.</summary>
    public static void Check(SimWorld world, CallRecord call)
    {
        Status status = call.Status!.Value;
        if (!IsAllowed(world, call, status))
        {
            world.Fail($"a call ended with {status}, which nothing in its history explains: {call}");
        }

        if (status.StatusCode == StatusCode.OK && call.ReadToTheEnd && call.ResponsesRead != call.ResponsesSent)
        {
            world.Fail($"a call succeeded without all of its responses: {call}");
        }

        if (IsUnprocessed(status) && call.HandlersStarted > 0)
        {
            world.Fail($"a call is said not to have been processed, but it was: {call}");
        }

        if (IsUnprocessed(status) && call.Plan.StreamsRequests && !call.WasSentAgain() && !IsMoreThanIsKept(call, status))
        {
            world.Fail($"a call that was not processed was not sent once more: {call}");
        }

        world.SentAgain += status.StatusCode == StatusCode.OK && call.RequestsRead > 0 && call.WasSentAgain() ? 1 : 0;
    }

    /// <summary>Why a handler may find that its call has ended before it did; null for no reason.</summary>
    public static string? ReasonToBeCutOff(SimWorld world, CallRecord call) =>
        call.WasCancelled ? "its caller cancelled it"
        : call.DueTicks <= world.Time.Ticks ? "its deadline has passed"
        : world.HasTrouble ? "its connection was lost"
        : world.ChannelIsClosed ? "its channel was closed"
        : IsTooLarge(call.Plan, world.Swarm) ? "a message was too large"
        : null;

    /// <summary>Whether a caller is told the same.</summary>
    public static bool AreSame(Status one, Status other) => one.StatusCode == other.StatusCode && one.Detail == other.Detail;

    private static bool IsAllowed(SimWorld world, CallRecord call, Status status)
    {
        CallPlan plan = call.Plan;
        bool isHandlers = call.Outcome == status.StatusCode && !plan.IsUnknown && IsHandlers(call, status);
        return status.StatusCode switch
        {
            StatusCode.OK => isHandlers,
            StatusCode.Cancelled => isHandlers || call.WasCancelled || world.ChannelIsClosed,
            StatusCode.DeadlineExceeded => call.DueTicks <= world.Time.Ticks,
            StatusCode.Unavailable => world.HasTrouble || (call.HandlersStarted == 0 && (world.IsShuttingDown || IsRefusal(world, status))),
            StatusCode.ResourceExhausted => IsTooLarge(plan, world.Swarm),
            StatusCode.Unimplemented => plan.IsUnknown,
            _ => isHandlers,
        };
    }

    private static bool IsUnprocessed(Status status) =>
        status.Detail.Contains("did not process", StringComparison.Ordinal) || status.Detail.Contains("REFUSED_STREAM", StringComparison.Ordinal);

    private static bool IsMoreThanIsKept(CallRecord call, Status status) =>
        status.Detail.EndsWith(SentRequests.Overfull, StringComparison.Ordinal)
        && call.Plan.Requests.Take(call.RequestsSent).Sum(length => MessagePrefix.Size + MostSent(length, call.Plan.IsCompressed)) > SentRequests.MostOctets;

    /// <summary>Handlers that go on after their calls have ended count against the server's limit, which their client can't know.</summary>
    private static bool IsRefusal(SimWorld world, Status status) =>
        status.Detail.Contains("REFUSED_STREAM", StringComparison.Ordinal)
        && world.Calls.Any(other => other.HandlersStarted > 0 && ReasonToBeCutOff(world, other) is not null);

    private static bool IsHandlers(CallRecord call, Status status) => call.Plan.Ending switch
    {
        Ending.Ok => AreSame(status, Status.DefaultSuccess),
        Ending.Throw => status.Detail == "The handler threw an exception.",
        _ => status.Detail == "as planned",
    };

    private static bool IsTooLarge(CallPlan plan, Swarm swarm) =>
        plan.Requests.Any(length => MostSent(length, plan.IsCompressed) > (swarm.ServerMaxMessage ?? int.MaxValue))
        || (plan.Echoes ? plan.Requests : plan.Responses).Any(length => MostSent(length, swarm.HasCompression) > (swarm.ClientMaxMessage ?? int.MaxValue));

    /// <summary>
    /// The most octets that a message of random content has on the wire: compressed, one below a limit may be over it, for the fixed Huffman
    /// codes of RFC 1951 section 3.2.6 have up to nine bits.
    /// </summary>
    private static int MostSent(int length, bool isCompressed) => isCompressed ? length + (length / 8) + CompressionOverhead : length;
}
