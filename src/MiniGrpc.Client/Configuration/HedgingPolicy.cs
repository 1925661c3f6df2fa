using Grpc.Core;

namespace MiniGrpc.Client.Configuration;

/// <summary>
/// How a call is sent several times without waiting for the first one to fail (gRFC A6); the first good answer counts and the other
/// attempts are cancelled. The server may do the work several times, so it is for methods that may be repeated without harm.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class HedgingPolicy
{
    /// <summary>How often a call is sent at the most, the first time included: 2 or more, required. More than <see cref="MiniChannelOptions.MaxRetryAttempts"/> counts as that.</summary>
    public int? MaxAttempts { get; set; }

    /// <summary>How long after each attempt the next one is sent: not negative, at most 315,576,000,000 seconds. Default null, as 0: all at once.</summary>
    public TimeSpan? HedgingDelay { get; set; }

    /// <summary>
    /// The statuses after which other attempts may still succeed: the next one is sent at once. Any other one ends the call. Default
    /// empty; not <see cref="StatusCode.OK"/>.
    /// </summary>
    public IList<StatusCode> NonFatalStatusCodes { get; } = [];

    /// <summary>The first rule that is broken; null when all is well.</summary>
    internal string? FindMistake(string place) =>
        Rules.Attempts(MaxAttempts, $"{place}.maxAttempts")
        ?? Rules.Duration(HedgingDelay, $"{place}.hedgingDelay")
        ?? Rules.StatusCodes(NonFatalStatusCodes, $"{place}.nonFatalStatusCodes");
}
