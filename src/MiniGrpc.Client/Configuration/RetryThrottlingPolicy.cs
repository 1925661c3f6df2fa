namespace MiniGrpc.Client.Configuration;

/// <summary>
/// When retries and hedges pause (gRFC A6): a bucket of tokens loses one with every call that fails in a way that is retried, and
/// gains a part of one with every success. While it is half full or less, nothing is retried or hedged. Both are required.
/// </summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class RetryThrottlingPolicy
{
    /// <summary>How many tokens the bucket holds, and has at the start: 1 to 1000.</summary>
    public int? MaxTokens { get; set; }

    /// <summary>
    /// How many tokens a success gives back, in tokens: at least 0.001, commonly 0.1. Decimal places after the third are dropped.
    /// </summary>
    public double? TokenRatio { get; set; }

    /// <summary>
    /// <see cref="TokenRatio"/>, which is free of mistakes, in thousandths of a token. By way of decimal, for 1.005 × 1000 as a double
    /// is a little less than 1005; and at most the largest bucket, for more than full is full.
    /// </summary>
    internal int TokenRatioThousandths => (int)((decimal)Math.Min(TokenRatio!.Value, RetryThrottle.LargestBucket) * RetryThrottle.Token);

    /// <summary>The first rule that is broken; null when all is well.</summary>
    internal string? FindMistake(string place) =>
        Rules.Tokens(MaxTokens, $"{place}.maxTokens")
        ?? Rules.TokenRatio(TokenRatio, $"{place}.tokenRatio");
}
