using System.Buffers.Text;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// <c>grpc-timeout</c>, the time a client gives the call from now on (gRPC over HTTP/2, Timeout):
/// TimeoutValue, a number of at most eight digits, and TimeoutUnit, one of H M S m u n. "100m" is a tenth of a second.
/// </summary>
internal static class GrpcTimeout
{
    /// <summary>The octets that the longest value takes: eight digits and the unit.</summary>
    public const int MaxLength = 9;

    /// <summary>TimeoutValue has at most eight digits.</summary>
    private const long MaxValue = 99_999_999;

    /// <summary>The finest unit is finer than a tick of .NET (100 ns).</summary>
    private const long NanosecondsPerTick = TimeSpan.NanosecondsPerTick;

    /// <summary>The units from microsecond to hour, from fine to coarse, and below their lengths in ticks.</summary>
    private static ReadOnlySpan<byte> Units => "umSMH"u8;

    private static ReadOnlySpan<long> TicksPerUnit =>
    [
        TimeSpan.TicksPerMicrosecond, TimeSpan.TicksPerMillisecond, TimeSpan.TicksPerSecond, TimeSpan.TicksPerMinute, TimeSpan.TicksPerHour,
    ];

    /// <summary>Reads a timeout. The longest, 99999999H, is some 11,400 years and fits a <see cref="TimeSpan"/> twice.</summary>
    /// <returns>Null, or what is wrong. A timeout that can't be read must not become "no timeout", so the call fails.</returns>
    /// <remarks>
    /// A part of a tick counts as a whole one, so that only "0n" (in any unit) is over at once. The document wants a positive
    /// number; zero is accepted all the same, because clients whose deadline has passed send it.
    /// </remarks>
    public static GrpcError? Parse(ReadOnlySpan<byte> value, out TimeSpan timeout)
    {
        timeout = default;
        if (value.Length is < 2 or > MaxLength || !TryParseDigits(value[..^1], out long number))
        {
            return Malformed(value);
        }

        if (value[^1] == 'n')
        {
            timeout = new TimeSpan((number + NanosecondsPerTick - 1) / NanosecondsPerTick);
            return null;
        }

        int unit = Units.IndexOf(value[^1]);
        if (unit < 0)
        {
            return Malformed(value);
        }

        timeout = new TimeSpan(number * TicksPerUnit[unit]);
        return null;
    }

    /// <summary>Writes a timeout in the finest unit in which it has at most eight digits, and returns the octets written.</summary>
    /// <remarks>
    /// Rounds up: the server must not give up before the client does. What is over already is written as "1n", not "0n":
    /// TimeoutValue is to be positive, and there are servers that refuse zero or read it as no timeout. What is longer
    /// than 99999999H becomes that.
    /// </remarks>
    /// <param name="timeout">The time left.</param>
    /// <param name="destination">At least <see cref="MaxLength"/> octets.</param>
    public static int Format(TimeSpan timeout, Span<byte> destination)
    {
        long ticks = timeout.Ticks;
        if (ticks <= 0)
        {
            return Write(1, (byte)'n', destination);
        }

        if (ticks <= MaxValue / NanosecondsPerTick)
        {
            return Write(ticks * NanosecondsPerTick, (byte)'n', destination);
        }

        for (int unit = 0; unit < Units.Length; unit++)
        {
            long number = ((ticks - 1) / TicksPerUnit[unit]) + 1;
            if (number <= MaxValue)
            {
                return Write(number, Units[unit], destination);
            }
        }

        return Write(MaxValue, (byte)'H', destination);
    }

    private static int Write(long number, byte unit, Span<byte> destination)
    {
        Utf8Formatter.TryFormat(number, destination, out int digits);
        destination[digits] = unit;
        return digits + 1;
    }

    private static bool TryParseDigits(ReadOnlySpan<byte> digits, out long number)
    {
        number = 0;
        foreach (byte digit in digits)
        {
            if (!char.IsAsciiDigit((char)digit))
            {
                return false;
            }

            number = (number * 10) + (digit - '0');
        }

        return true;
    }

    private static GrpcError Malformed(ReadOnlySpan<byte> value) => new(
        GrpcStatusCode.Internal,
        $"grpc-timeout is {GrpcError.Quote(value)}; it should be at most eight digits and one of H, M, S, m, u, n.");
}
