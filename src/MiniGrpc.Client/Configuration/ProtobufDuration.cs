using System.Globalization;

namespace MiniGrpc.Client.Configuration;

/// <summary>
/// google.protobuf.Duration in proto3 JSON: seconds with up to nine decimal places and an "s" behind. There are digits before
/// the point (gRFC A6: the part before the "s" is a JSON number), so ".5s" is no duration.
/// </summary>
internal static class ProtobufDuration
{
    /// <summary>10,000 years in seconds have 12 digits.</summary>
    private const int MaxDigits = 12;

    private const int MaxDecimals = 9;
    private const int NanosecondsPerTick = 100;

    /// <summary>
    /// Reads <paramref name="text"/>. Parts of a tick, 100 ns, are rounded away from 0, so that a short time doesn't become none.
    /// One that is longer than protobuf allows becomes the longest TimeSpan, for <see cref="Rules.Duration"/> to refuse.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<char> text, out TimeSpan duration)
    {
        duration = default;
        bool isNegative = text.StartsWith('-');
        if (!text.EndsWith('s'))
        {
            return false;
        }

        ReadOnlySpan<char> number = text[(isNegative ? 1 : 0)..^1];
        int point = number.IndexOf('.');
        if (!TryReadDigits(point < 0 ? number : number[..point], MaxDigits, out long seconds))
        {
            return false;
        }

        long nanoseconds = 0;
        if (point >= 0)
        {
            ReadOnlySpan<char> decimals = number[(point + 1)..];
            if (!TryReadDigits(decimals, MaxDecimals, out nanoseconds))
            {
                return false;
            }

            for (int i = decimals.Length; i < MaxDecimals; i++)
            {
                nanoseconds *= 10;
            }
        }

        duration = FromParts(seconds, nanoseconds);
        duration = isNegative ? -duration : duration;
        return true;
    }

    private static TimeSpan FromParts(long seconds, long nanoseconds)
    {
        if (seconds > (long)Rules.LongestDuration.TotalSeconds)
        {
            return TimeSpan.MaxValue;
        }

        long ticks = (nanoseconds + NanosecondsPerTick - 1) / NanosecondsPerTick;
        return new TimeSpan((seconds * TimeSpan.TicksPerSecond) + ticks);
    }

    private static bool TryReadDigits(ReadOnlySpan<char> digits, int most, out long value)
    {
        value = 0;
        return digits.Length <= most && long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out value);
    }
}
