using System.Globalization;
using Grpc.Core;

namespace MiniGrpc.Client.Configuration;

/// <summary>
/// What values of a service config may be (service_config.proto, and the sections of gRFC A6 on validation). Each rule answers with
/// what is wrong, after the place where it stands, or null.
/// </summary>
internal static class Rules
{
    /// <summary>The longest duration that protobuf knows, 10,000 years; times 1.2 it still fits a TimeSpan.</summary>
    public static readonly TimeSpan LongestDuration = TimeSpan.FromSeconds(315_576_000_000);

    /// <summary>Something that has to be there isn't.</summary>
    public static string Missing(string place) => $"{place}: is missing";

    /// <summary>maxAttempts: one attempt would be no retry.</summary>
    public static string? Attempts(int? value, string place) => value switch
    {
        null => Missing(place),
        < 2 => $"{place}: {Text(value)} is less than 2, and the first attempt counts",
        _ => null,
    };

    /// <summary>initialBackoff, maxBackoff: a wait of nothing would send retries as fast as they fail.</summary>
    public static string? Backoff(TimeSpan? value, string place)
    {
        if (value is null)
        {
            return Missing(place);
        }

        return value == TimeSpan.Zero ? $"{place}: has to be more than 0 s" : Duration(value, place);
    }

    /// <summary>timeout, hedgingDelay, interval, baseEjectionTime, maxEjectionTime.</summary>
    public static string? Duration(TimeSpan? value, string place)
    {
        if (value < TimeSpan.Zero)
        {
            return $"{place}: is negative";
        }

        return value > LongestDuration ? $"{place}: is longer than 315576000000 s" : null;
    }

    /// <summary>backoffMultiplier: below 1 waits get shorter, which is odd but allowed.</summary>
    public static string? Multiplier(double? value, string place) => value switch
    {
        null => Missing(place),
        > 0 and < double.PositiveInfinity => null,
        _ => $"{place}: {Text(value)} is no number greater than 0",
    };

    /// <summary>maxRequestMessageBytes, maxResponseMessageBytes, stdevFactor, minimumHosts, requestVolume.</summary>
    public static string? Size(int? value, string place) => value < 0 ? $"{place}: {Text(value)} is negative" : null;

    /// <summary>maxEjectionPercent, threshold, enforcementPercentage.</summary>
    public static string? Percentage(int value, string place) => value is < 0 or > 100 ? $"{place}: {Text(value)} is not between 0 and 100" : null;

    /// <summary>healthCheckConfig.serviceName: what goes into a message as UTF-8.</summary>
    public static string? Characters(string? value, string place) =>
        value is not null && !IsWellFormed(value) ? $"{place}: has half of a surrogate pair, which is no character" : null;

    /// <summary>maxTokens.</summary>
    public static string? Tokens(int? value, string place) => value switch
    {
        null => Missing(place),
        > 0 and <= RetryThrottle.LargestBucket => null,
        _ => $"{place}: {Text(value)} is not between 1 and {RetryThrottle.LargestBucket}",
    };

    /// <summary>tokenRatio: what is nothing in thousandths would never end a pause.</summary>
    public static string? TokenRatio(double? value, string place) => value switch
    {
        null => Missing(place),
        >= 0.001 and < double.PositiveInfinity => null,
        _ => $"{place}: {Text(value)} is no number of at least 0.001",
    };

    /// <summary>retryableStatusCodes, nonFatalStatusCodes: ways to fail.</summary>
    public static string? StatusCodes(IList<StatusCode> codes, string place)
    {
        for (int i = 0; i < codes.Count; i++)
        {
            if (codes[i] is <= StatusCode.OK or > StatusCode.Unauthenticated)
            {
                return $"{place}[{i}]: {Text((int)codes[i])} is no status that a call fails with; those are 1 to 16";
            }
        }

        return null;
    }

    private static bool IsWellFormed(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsSurrogate(text[i]) && !char.IsSurrogatePair(text, i++))
            {
                return false;
            }
        }

        return true;
    }

    private static string Text(IFormattable? number) => number?.ToString(null, CultureInfo.InvariantCulture) ?? "nothing";
}
