namespace MiniGrpc.Client.Configuration;

/// <summary>What a service config says about the calls of a method: a <see cref="MethodConfig"/> as it was when it was taken, checked.</summary>
/// <remarks>Immutable.</remarks>
internal sealed class MethodParameters
{
    /// <summary>For methods that the config says nothing about.</summary>
    public static readonly MethodParameters None = new(new MethodConfig(), MethodConfigTable.DefaultMaxAttempts);

    /// <summary>Takes what <paramref name="config"/>, which is free of mistakes, says now.</summary>
    public MethodParameters(MethodConfig config, int maxAttempts)
    {
        WaitForReady = config.WaitForReady;
        Timeout = config.Timeout;
        MaxRequestMessageBytes = config.MaxRequestMessageBytes;
        MaxResponseMessageBytes = config.MaxResponseMessageBytes;
        Retry = config.RetryPolicy is { } retry ? new RetryParameters(retry, maxAttempts) : null;
        Hedging = config.HedgingPolicy is { } hedging ? new HedgingParameters(hedging, maxAttempts) : null;
    }

    /// <summary>Whether calls wait for a connection that don't say so themselves; null when the config doesn't say.</summary>
    public bool? WaitForReady { get; }

    /// <summary>The longest time for a call, all attempts together; null for none.</summary>
    public TimeSpan? Timeout { get; }

    /// <summary>The largest request message, in bytes before compression; null for the channel's limit.</summary>
    public int? MaxRequestMessageBytes { get; }

    /// <summary>The largest response message, in bytes decompressed; null for the channel's limit.</summary>
    public int? MaxResponseMessageBytes { get; }

    /// <summary>How failed calls are tried again; null: they aren't. Never together with <see cref="Hedging"/>.</summary>
    public RetryParameters? Retry { get; }

    /// <summary>How calls are hedged; null: they aren't.</summary>
    public HedgingParameters? Hedging { get; }
}

/// <summary>A <see cref="RetryPolicy"/> as it was taken.</summary>
/// <remarks>Immutable.</remarks>
internal sealed class RetryParameters
{
    /// <summary>Takes what <paramref name="policy"/>, which is free of mistakes, says now.</summary>
    public RetryParameters(RetryPolicy policy, int maxAttempts)
    {
        MaxAttempts = Math.Min(policy.MaxAttempts!.Value, maxAttempts);
        InitialBackoff = policy.InitialBackoff!.Value;
        MaxBackoff = policy.MaxBackoff!.Value;
        BackoffMultiplier = policy.BackoffMultiplier!.Value;
        RetryableStatusCodes = new StatusCodeSet(policy.RetryableStatusCodes);
    }

    /// <summary>The most attempts, the first one included, after the client's own limit.</summary>
    public int MaxAttempts { get; }

    /// <summary>The wait before the first retry; see <see cref="Client.Backoff"/>.</summary>
    public TimeSpan InitialBackoff { get; }

    /// <summary>The longest wait.</summary>
    public TimeSpan MaxBackoff { get; }

    /// <summary>How many times as long each further wait is.</summary>
    public double BackoffMultiplier { get; }

    /// <summary>The statuses that are tried again.</summary>
    public StatusCodeSet RetryableStatusCodes { get; }
}

/// <summary>A <see cref="HedgingPolicy"/> as it was taken.</summary>
/// <remarks>Immutable.</remarks>
internal sealed class HedgingParameters
{
    /// <summary>Takes what <paramref name="policy"/>, which is free of mistakes, says now.</summary>
    public HedgingParameters(HedgingPolicy policy, int maxAttempts)
    {
        MaxAttempts = Math.Min(policy.MaxAttempts!.Value, maxAttempts);
        HedgingDelay = policy.HedgingDelay ?? TimeSpan.Zero;
        NonFatalStatusCodes = new StatusCodeSet(policy.NonFatalStatusCodes);
    }

    /// <summary>The most attempts, the first one included, after the client's own limit.</summary>
    public int MaxAttempts { get; }

    /// <summary>The time from one attempt to the next; 0: all at once.</summary>
    public TimeSpan HedgingDelay { get; }

    /// <summary>The statuses after which other attempts may still succeed.</summary>
    public StatusCodeSet NonFatalStatusCodes { get; }
}
