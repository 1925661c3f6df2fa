using System.Globalization;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Conformance.Wire.Configuration;

/// <summary>
/// Numbers of a service config (service_config.proto) in protobuf's JSON form: every numeric field may be a number or a string of one, with
/// or without an exponent, and there are tools that write strings.
/// </summary>
public class NumberTests
{
    [Theory]
    [InlineData("4")]
    [InlineData("4.0")]
    [InlineData("0.4e1")]
    [InlineData("40E-1")]
    [InlineData("\"4\"")]
    [InlineData("\"4.0\"")]
    [InlineData("\"0.4e1\"")]
    [InlineData("\"40E-1\"")]
    [InlineData("\"\\u0034\"")]
    public void An_integer_is_read_however_it_is_written(string number)
    {
        ServiceConfig config = ServiceConfig.Parse($$$"""
            {"methodConfig": [{"name": [{"service": "a"}], "maxRequestMessageBytes": {{{number}}}, "maxResponseMessageBytes": {{{number}}},
                "retryPolicy": {"maxAttempts": {{{number}}}, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1, "retryableStatusCodes": [14]}},
              {"name": [{}], "hedgingPolicy": {"maxAttempts": {{{number}}}}}],
             "retryThrottling": {"maxTokens": {{{number}}}, "tokenRatio": 1}}
            """);
        MethodConfig first = config.MethodConfigs[0];
        Assert.Equal((4, 4), (first.MaxRequestMessageBytes, first.MaxResponseMessageBytes));
        Assert.Equal((4, 4), (first.RetryPolicy!.MaxAttempts, config.MethodConfigs[1].HedgingPolicy!.MaxAttempts));
        Assert.Equal(4, config.RetryThrottling!.MaxTokens);
    }

    /// <summary>Its fields are wrappers (UInt32Value), whose JSON form is that of what they wrap.</summary>
    [Fact]
    public void Integers_of_outlier_detection_are_read_from_strings()
    {
        var config = (OutlierDetectionConfig)ServiceConfig.Parse("""
            {"loadBalancingConfig": [{"outlier_detection_experimental": {"maxEjectionPercent": "4",
              "successRateEjection": {"stdevFactor": "1900", "enforcementPercentage": "0", "minimumHosts": "1e1", "requestVolume": "4294967295"},
              "failurePercentageEjection": {"threshold": "100"}, "childPolicy": [{"round_robin": {}}]}}]}
            """).LoadBalancingConfigs[0];
        Assert.Equal(4, config.MaxEjectionPercent);
        SuccessRateEjection successRate = config.SuccessRateEjection!;
        Assert.Equal((1900, 0, 10, int.MaxValue), (successRate.StdevFactor, successRate.EnforcementPercentage, successRate.MinimumHosts, successRate.RequestVolume));
        Assert.Equal(100, config.FailurePercentageEjection!.Threshold);
    }

    [Theory]
    [InlineData("1.6", 1.6)]
    [InlineData("\"1.6\"", 1.6)]
    [InlineData("\"16e-1\"", 1.6)]
    [InlineData("\"0.16E+1\"", 1.6)]
    [InlineData("\"1024\"", 1024)]
    public void A_number_with_a_fraction_is_read_however_it_is_written(string number, double value)
    {
        ServiceConfig config = ServiceConfig.Parse($$$"""
            {"methodConfig": [{"name": [{}],
                "retryPolicy": {"maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": {{{number}}}, "retryableStatusCodes": [14]}}],
             "retryThrottling": {"maxTokens": 10, "tokenRatio": {{{number}}}}}
            """);
        Assert.Equal((value, value), (config.MethodConfigs[0].RetryPolicy!.BackoffMultiplier, config.RetryThrottling!.TokenRatio));
    }

    /// <summary>How a program's culture writes numbers says nothing of a config.</summary>
    [Fact]
    public void A_string_is_read_the_same_in_every_culture()
    {
        CultureInfo before = CultureInfo.CurrentCulture;
        var comma = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        (comma.NumberFormat.NumberGroupSeparator, comma.NumberFormat.NumberDecimalSeparator) = (".", ",");
        CultureInfo.CurrentCulture = comma;
        try
        {
            Assert.Equal(1.5, ServiceConfig.Parse("""{"retryThrottling": {"maxTokens": 10, "tokenRatio": "1.5"}}""").RetryThrottling!.TokenRatio);
            Assert.Throws<FormatException>(() => ServiceConfig.Parse("""{"retryThrottling": {"maxTokens": 10, "tokenRatio": "1,5"}}"""));
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Theory]
    [InlineData("")]
    [InlineData(" ")]
    [InlineData(" 4")]
    [InlineData("4 ")]
    [InlineData("4\\u0000")]
    [InlineData("+4")]
    [InlineData(".4")]
    [InlineData("4.")]
    [InlineData("4x")]
    [InlineData("x4")]
    [InlineData("0x4")]
    [InlineData("1,000")]
    [InlineData("(4)")]
    [InlineData("4e")]
    [InlineData("four")]
    public void A_string_that_is_no_number_is_refused_with_the_place(string text)
    {
        AssertRefused(
            $"{{\"methodConfig\": [{{}}, {{\"maxRequestMessageBytes\": \"{text}\"}}]}}",
            $"methodConfig[1].maxRequestMessageBytes: expected an integer of 32 bits, found \"{text}\"");
        AssertRefused(
            $"{{\"retryThrottling\": {{\"maxTokens\": \"{text}\", \"tokenRatio\": 1}}}}",
            $"retryThrottling.maxTokens: expected an integer of 32 bits, found \"{text}\"");
        AssertRefused(
            $"{{\"retryThrottling\": {{\"maxTokens\": 10, \"tokenRatio\": \"{text}\"}}}}",
            $"retryThrottling.tokenRatio: expected a number, found \"{text}\"");
    }

    /// <summary>What they say is held to the rules of numbers.</summary>
    [Theory]
    [InlineData("\"maxTokens\": \"1001\", \"tokenRatio\": 1", "maxTokens: 1001 is not between 1 and 1000")]
    [InlineData("\"maxTokens\": \"1.5\", \"tokenRatio\": 1", "maxTokens: expected an integer of 32 bits, found \"1.5\"")]
    [InlineData("\"maxTokens\": \"4294967296\", \"tokenRatio\": 1", "maxTokens: expected an integer of 32 bits, found \"4294967296\"")]
    [InlineData("\"maxTokens\": \"NaN\", \"tokenRatio\": 1", "maxTokens: expected an integer of 32 bits, found \"NaN\"")]
    [InlineData("\"maxTokens\": 10, \"tokenRatio\": \"-1\"", "tokenRatio: -1 is no number of at least 0.001")]
    [InlineData("\"maxTokens\": 10, \"tokenRatio\": \"1e400\"", "tokenRatio: Infinity is no number of at least 0.001")]
    [InlineData("\"maxTokens\": 10, \"tokenRatio\": \"NaN\"", "tokenRatio: expected a number, found \"NaN\"")]
    [InlineData("\"maxTokens\": 10, \"tokenRatio\": \"Infinity\"", "tokenRatio: expected a number, found \"Infinity\"")]
    public void A_string_of_a_number_that_is_not_allowed_is_refused_as_the_number_is(string fields, string message) =>
        AssertRefused($"{{\"retryThrottling\": {{{fields}}}}}", $"retryThrottling.{message}");

    private static void AssertRefused(string json, string message)
    {
        FormatException e = Assert.Throws<FormatException>(() => ServiceConfig.Parse(json));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
    }
}
