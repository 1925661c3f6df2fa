using CsCheck;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Conformance.Wire.Configuration;

/// <summary>google.protobuf.Duration in proto3 JSON: <see cref="ProtobufDuration"/>.</summary>
public class ProtobufDurationTests
{
    [Theory]
    [InlineData("0s", 0)]
    [InlineData("1s", TimeSpan.TicksPerSecond)]
    [InlineData("01s", TimeSpan.TicksPerSecond)]
    [InlineData("1.5s", 15_000_000)]
    [InlineData("1.500000000s", 15_000_000)]
    [InlineData("0.0000001s", 1)]
    [InlineData("-1.5s", -15_000_000)]
    [InlineData("-0.5s", -5_000_000)]
    [InlineData("315576000000s", 315_576_000_000 * TimeSpan.TicksPerSecond)]
    [InlineData("315576000001s", long.MaxValue)]
    [InlineData("999999999999.999999999s", long.MaxValue)]
    public void Seconds_with_decimal_places_are_read(string text, long ticks)
    {
        Assert.True(ProtobufDuration.TryParse(text, out TimeSpan duration));
        Assert.Equal(ticks, duration.Ticks);
    }

    /// <summary>A backoff of a nanosecond is not one of 0, which would be a mistake.</summary>
    [Theory]
    [InlineData("0.000000001s", 1)]
    [InlineData("0.000000100s", 1)]
    [InlineData("0.000000101s", 2)]
    [InlineData("-0.000000001s", -1)]
    public void Parts_of_a_tick_are_rounded_away_from_zero(string text, long ticks)
    {
        Assert.True(ProtobufDuration.TryParse(text, out TimeSpan duration));
        Assert.Equal(ticks, duration.Ticks);
    }

    [Theory]
    [InlineData("")]
    [InlineData("s")]
    [InlineData("-s")]
    [InlineData("-")]
    [InlineData("1")]
    [InlineData("1S")]
    [InlineData("1ms")]
    [InlineData("1m")]
    [InlineData(".5s")]
    [InlineData("1.s")]
    [InlineData(".s")]
    [InlineData("1.2.3s")]
    [InlineData("1.-5s")]
    [InlineData("+1s")]
    [InlineData("--1s")]
    [InlineData("1e3s")]
    [InlineData("1,5s")]
    [InlineData(" 1s")]
    [InlineData("1 s")]
    [InlineData("1s ")]
    [InlineData("1ss")]
    [InlineData("٣s")]
    [InlineData("1000000000000s")]
    [InlineData("0.0000000001s")]
    public void What_is_no_duration_is_refused(string text) => Assert.False(ProtobufDuration.TryParse(text, out _));

    [Fact]
    public void Every_number_of_ticks_is_read_as_it_is() => Gen.Long[0, 315_576_000_000 * TimeSpan.TicksPerSecond].Sample(ticks =>
        ProtobufDuration.TryParse($"{ticks / TimeSpan.TicksPerSecond}.{ticks % TimeSpan.TicksPerSecond:D7}s", out TimeSpan read) && read.Ticks == ticks);

    [Fact]
    public void No_text_is_too_odd() => Gen.String["-0123456789.s "].Sample(text =>
    {
        bool isRead = ProtobufDuration.TryParse(text, out TimeSpan duration);
        return isRead || duration == TimeSpan.Zero;
    });
}
