using Grpc.Core;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>What has happened to a call so far, as its caller and its handler saw it.</summary>
internal sealed class CallRecord(CallPlan plan)
{
    public CallPlan Plan => plan;

    // ---- the caller's ----

    /// <summary>When the call is due by its deadline, in ticks; null for never.</summary>
    public long? DueTicks { get; set; }

    /// <summary>Whether the caller has cancelled, by whichever of the ways.</summary>
    public bool WasCancelled { get; set; }

    public int RequestsSent { get; set; }

    public bool HalfClosed { get; set; }

    public int ResponsesRead { get; set; }

    /// <summary>Whether the responses were read to their end.</summary>
    public bool ReadToTheEnd { get; set; }

    /// <summary>The status; null while the caller waits for it.</summary>
    public Status? Status { get; set; }

    /// <summary>Whether it was sent to a second stream, since a server had not looked at the first; of a call of many requests.</summary>
    public Func<bool> WasSentAgain { get; set; } = () => false;

    /// <summary>Asks the call for its status again.</summary>
    public Func<Status>? AskAgain { get; set; }

    /// <summary>Where the caller's code is, for runs that end too early.</summary>
    public string Step { get; set; } = "not begun";

    public bool IsOver { get; set; }

    // ---- the handler's ----

    public int HandlersStarted { get; set; }

    public int HandlersEnded { get; set; }

    public int RequestsRead { get; set; }

    public int ResponsesSent { get; set; }

    /// <summary>The status that the handler ended with; null before that, and when the call had ended before.</summary>
    public StatusCode? Outcome { get; set; }

    /// <summary>Where the handler's code is.</summary>
    public string HandlerStep { get; set; } = "not begun";

    /// <inheritdoc />
    public override string ToString() =>
        $"{plan}\n      client: {Step}, sent {RequestsSent}, half-closed {HalfClosed}, read {ResponsesRead}, cancelled {WasCancelled}, due {DueTicks}, status {Status?.ToString() ?? "none"}"
        + $"\n      handler: {HandlerStep}, started {HandlersStarted}, ended {HandlersEnded}, read {RequestsRead}, sent {ResponsesSent}, outcome {Outcome?.ToString() ?? "none"}";
}
