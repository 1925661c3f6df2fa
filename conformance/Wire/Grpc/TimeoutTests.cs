using System.Text;
using CsCheck;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>gRPC over HTTP/2, Timeout: <see cref="GrpcTimeout"/>.</summary>
public class TimeoutTests
{
    [Theory]
    [InlineData("1H", TimeSpan.TicksPerHour)]
    [InlineData("1M", TimeSpan.TicksPerMinute)]
    [InlineData("1S", TimeSpan.TicksPerSecond)]
    [InlineData("1m", TimeSpan.TicksPerMillisecond)]
    [InlineData("1u", TimeSpan.TicksPerMicrosecond)]
    [InlineData("100n", 1)]
    [InlineData("00000001S", TimeSpan.TicksPerSecond)]
    [InlineData("99999999S", 99_999_999 * TimeSpan.TicksPerSecond)]
    [Requirement("grpc-requests-8")]
    public void Every_unit_is_read(string value, long ticks) => Assert.Equal(ticks, Parse(value).Ticks);

    [Theory]
    [InlineData("0n", 0)]
    [InlineData("1n", 1)]
    [InlineData("99n", 1)]
    [InlineData("100n", 1)]
    [InlineData("101n", 2)]
    [InlineData("99999999n", 1_000_000)]
    public void Nanoseconds_are_rounded_up_to_ticks(string value, long ticks) => Assert.Equal(ticks, Parse(value).Ticks);

    [Theory]
    [InlineData("0H")]
    [InlineData("0S")]
    [InlineData("00000000u")]
    public void Zero_in_any_unit_is_over_at_once(string value) => Assert.Equal(TimeSpan.Zero, Parse(value));

    [Fact]
    public void The_longest_timeout_does_not_overflow() => Assert.Equal(99_999_999L, (long)Parse("99999999H").TotalHours);

    [Theory]
    [InlineData("")]
    [InlineData("S")]
    [InlineData("1")]
    [InlineData("100000000")]
    [InlineData("100000000S")]
    [InlineData("000000001S")]
    [InlineData("18446744073709551617S")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData("1.5S")]
    [InlineData(" 1S")]
    [InlineData("1 S")]
    [InlineData("1S ")]
    [InlineData("1s")]
    [InlineData("1h")]
    [InlineData("1x")]
    [InlineData("1ms")]
    [InlineData("SS")]
    [InlineData("1aS")]
    [InlineData("/S")]
    [InlineData(":S")]
    [InlineData("1é")]
    [Requirement("grpc-requests-8")]
    public void A_malformed_timeout_is_an_internal_error_that_quotes_it(string value)
    {
        GrpcError? error = GrpcTimeout.Parse(Encoding.Latin1.GetBytes(value), out TimeSpan timeout);

        Assert.Equal(GrpcStatusCode.Internal, error?.Code);
        Assert.Contains($"'{value.Replace('é', '?')}'", error!.Detail, StringComparison.Ordinal);
        Assert.Equal(TimeSpan.Zero, timeout);
    }

    [Fact]
    public void A_malformed_timeout_of_kilobytes_is_quoted_in_part()
    {
        GrpcError? error = GrpcTimeout.Parse(new byte[10_000], out _);

        Assert.InRange(error!.Detail.Length, 1, 200);
    }

    [Fact]
    public void Every_prefix_of_a_timeout_that_is_no_timeout_is_refused()
    {
        byte[] value = "12345678S"u8.ToArray();
        for (int length = 0; length < value.Length; length++)
        {
            Assert.NotNull(GrpcTimeout.Parse(value.AsSpan(0, length), out _));
        }

        Assert.Null(GrpcTimeout.Parse(value, out _));
    }

    [Theory]
    [InlineData(1, "100n")]
    [InlineData(999_999, "99999900n")]
    [InlineData(1_000_000, "100000u")]
    [InlineData(1_000_001, "100001u")]
    [InlineData(TimeSpan.TicksPerSecond, "1000000u")]
    [InlineData(999_999_990, "99999999u")]
    [InlineData(999_999_991, "100000m")]
    [InlineData(99_999_999 * TimeSpan.TicksPerMillisecond, "99999999m")]
    [InlineData((99_999_999 * TimeSpan.TicksPerMillisecond) + 1, "100000S")]
    [InlineData(99_999_999 * TimeSpan.TicksPerSecond, "99999999S")]
    [InlineData((99_999_999 * TimeSpan.TicksPerSecond) + 1, "1666667M")]
    [InlineData(99_999_999 * TimeSpan.TicksPerMinute, "99999999M")]
    [InlineData((99_999_999 * TimeSpan.TicksPerMinute) + 1, "1666667H")]
    [InlineData(99_999_999 * TimeSpan.TicksPerHour, "99999999H")]
    [Requirement("grpc-requests-7")]
    public void The_finest_unit_that_takes_eight_digits_is_written_rounded_up(long ticks, string expected) =>
        Assert.Equal(expected, Format(new TimeSpan(ticks)));

    [Theory]
    [InlineData((99_999_999 * TimeSpan.TicksPerHour) + 1)]
    [InlineData(long.MaxValue)]
    [Requirement("grpc-requests-7")]
    public void What_is_longer_than_the_longest_timeout_is_written_as_that(long ticks) =>
        Assert.Equal("99999999H", Format(new TimeSpan(ticks)));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(long.MinValue)]
    public void What_is_over_is_written_as_the_shortest_positive_timeout(long ticks)
    {
        // TimeoutValue -> a positive integer.
        Assert.Equal("1n", Format(new TimeSpan(ticks)));
    }

    [Fact]
    public void What_is_written_is_read_as_no_shorter_and_less_than_one_unit_longer()
    {
        Gen<long> ticks = Gen.Select(Gen.Long[1, 99_999_999 * TimeSpan.TicksPerHour], Gen.Int[0, 62])
            .Select((longest, shift) => Math.Max(1, longest >> shift));
        ticks.Sample(
            asked =>
            {
                string value = Format(new TimeSpan(asked));
                long unit = Math.Max(1, Parse($"1{value[^1]}").Ticks);

                Assert.InRange(value.Length, 2, GrpcTimeout.MaxLength);
                Assert.InRange(Parse(value).Ticks, asked, asked + unit - 1);
            },
            iter: 2000);
    }

    private static string Format(TimeSpan timeout)
    {
        Span<byte> destination = stackalloc byte[GrpcTimeout.MaxLength];
        return Encoding.ASCII.GetString(destination[..GrpcTimeout.Format(timeout, destination)]);
    }

    private static TimeSpan Parse(string value)
    {
        Assert.Null(GrpcTimeout.Parse(Encoding.ASCII.GetBytes(value), out TimeSpan timeout));
        return timeout;
    }
}
