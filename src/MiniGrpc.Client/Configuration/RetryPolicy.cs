using Grpc.Core;

namespace MiniGrpc.Client.Configuration;

/// <summary>
/// How a failed call is tried again (gRFC A6). The wait before the n-th retry is
/// min(<see cref="InitialBackoff"/> × <see cref="BackoffMultiplier"/>ⁿ⁻¹, <see cref="MaxBackoff"/>), varied by 20 %. All five are
/// required.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class RetryPolicy
{
    /// <summary>How often a call is tried, the first attempt included: 2 or more. More than <see cref="MiniChannelOptions.MaxRetryAttempts"/> counts as that.</summary>
    public int? MaxAttempts { get; set; }

    /// <summary>The wait before the first retry: more than 0, at most 315,576,000,000 seconds.</summary>
    public TimeSpan? InitialBackoff { get; set; }

    /// <summary>The longest wait, before it is varied: more than 0, at most 315,576,000,000 seconds.</summary>
    public TimeSpan? MaxBackoff { get; set; }

    /// <summary>How many times as long as the one before each further wait is: more than 0.</summary>
    public double? BackoffMultiplier { get; set; }

    /// <summary>The statuses that are tried again; at least one, and not <see cref="StatusCode.OK"/>.</summary>
    public IList<StatusCode> RetryableStatusCodes { get; } = [];

    /// <summary>The first rule that is broken; null when all is well.</summary>
    internal string? FindMistake(string place) =>
        Rules.Attempts(MaxAttempts, $"{place}.maxAttempts")
        ?? Rules.Backoff(InitialBackoff, $"{place}.initialBackoff")
        ?? Rules.Backoff(MaxBackoff, $"{place}.maxBackoff")
        ?? Rules.Multiplier(BackoffMultiplier, $"{place}.backoffMultiplier")
        ?? (RetryableStatusCodes.Count == 0 ? Rules.Missing($"{place}.retryableStatusCodes") : null)
        ?? Rules.StatusCodes(RetryableStatusCodes, $"{place}.retryableStatusCodes");
}
