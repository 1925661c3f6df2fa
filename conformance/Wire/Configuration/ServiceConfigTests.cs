using System.Reflection;
using System.Text.Json;
using CsCheck;
using Grpc.Core;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Architecture;

namespace MiniGrpc.Conformance.Wire.Configuration;

/// <summary>service_config.md and service_config.proto: the JSON form, and what it is made into.</summary>
public class ServiceConfigTests
{
    private const string Whole = """
        {
          "loadBalancingConfig": [
            { "least_request_experimental": { "choiceCount" : 3 } },
            { "pick_first": { "shuffleAddressList": true } },
            { "round_robin": {} }
          ],
          "methodConfig": [
            { "name": [ { "service": "a.A", "method": "M" }, { "service": "a.B" } ],
              "waitForReady": true, "timeout": "1.5s", "maxRequestMessageBytes": 1000, "maxResponseMessageBytes": 0,
              "retryPolicy": { "maxAttempts": 4, "initialBackoff": "0.1s", "maxBackoff": "1s", "backoffMultiplier": 2.5,
                               "retryableStatusCodes": [ "UNAVAILABLE", "aborted", 8 ] } },
            { "name": [ { } ],
              "hedgingPolicy": { "maxAttempts": 3, "hedgingDelay": "0.5s", "nonFatalStatusCodes": [ 14 ] } }
          ],
          "retryThrottling": { "maxTokens": 10, "tokenRatio": 0.1 },
          "healthCheckConfig": { "serviceName": "a.A" }
        }
        """;

    [Fact]
    public void Every_field_is_read()
    {
        ServiceConfig config = ServiceConfig.Parse(Whole);

        MethodConfig first = config.MethodConfigs[0];
        Assert.Equal(("a.A", "M"), (first.Names[0].Service, first.Names[0].Method));
        Assert.Equal(("a.B", null), (first.Names[1].Service, first.Names[1].Method));
        Assert.True(first.WaitForReady);
        Assert.Equal(TimeSpan.FromSeconds(1.5), first.Timeout);
        Assert.Equal(1000, first.MaxRequestMessageBytes);
        Assert.Equal(0, first.MaxResponseMessageBytes);
        Assert.Null(first.HedgingPolicy);
        RetryPolicy retry = first.RetryPolicy!;
        Assert.Equal((4, TimeSpan.FromSeconds(0.1), TimeSpan.FromSeconds(1), 2.5), (retry.MaxAttempts, retry.InitialBackoff, retry.MaxBackoff, retry.BackoffMultiplier));
        Assert.Equal([StatusCode.Unavailable, StatusCode.Aborted, StatusCode.ResourceExhausted], retry.RetryableStatusCodes);

        MethodConfig second = config.MethodConfigs[1];
        Assert.Equal("", second.Names[0].Path);
        Assert.Null(second.RetryPolicy);
        Assert.Equal((3, TimeSpan.FromSeconds(0.5)), (second.HedgingPolicy!.MaxAttempts, second.HedgingPolicy.HedgingDelay));
        Assert.Equal([StatusCode.Unavailable], second.HedgingPolicy.NonFatalStatusCodes);

        Assert.Equal((10, 0.1), (config.RetryThrottling!.MaxTokens, config.RetryThrottling.TokenRatio));
        Assert.Equal("a.A", config.HealthCheckServiceName);
    }

    [Fact]
    public void Load_balancing_policies_are_kept_in_their_order_with_the_text_of_their_configs()
    {
        ServiceConfig config = ServiceConfig.Parse(Whole);

        Assert.Equal(["least_request_experimental", "pick_first", "round_robin"], config.LoadBalancingConfigs.Select(policy => policy.PolicyName));
        Assert.Equal("""{ "choiceCount" : 3 }""", config.LoadBalancingConfigs[0].ConfigJson);
        Assert.True(Assert.IsType<PickFirstConfig>(config.LoadBalancingConfigs[1]).ShuffleAddressList);
        Assert.IsType<RoundRobinConfig>(config.LoadBalancingConfigs[2]);
    }

    private const string Outliers = """
        { "loadBalancingConfig": [ { "outlier_detection_experimental": {
            "interval": "1.5s", "baseEjectionTime": "2s", "maxEjectionTime": "3s", "maxEjectionPercent": 4,
            "successRateEjection": { "stdevFactor": 5, "enforcementPercentage": 6, "minimumHosts": 7, "requestVolume": 8 },
            "failurePercentageEjection": { "threshold": 9, "enforcementPercentage": 10, "minimumHosts": 11, "requestVolume": 4294967295 },
            "childPolicy": [ { "odd \"\u0001\\": { "a": 1 } }, { "pick_first": { "shuffleAddressList": true } } ] } } ] }
        """;

    [Fact]
    public void Every_field_of_outlier_detection_is_read()
    {
        OutlierDetectionConfig config = Assert.IsType<OutlierDetectionConfig>(Assert.Single(ServiceConfig.Parse(Outliers).LoadBalancingConfigs));
        Assert.Equal((1.5, 2, 3, 4), (config.Interval.TotalSeconds, config.BaseEjectionTime.TotalSeconds, config.MaxEjectionTime.TotalSeconds, config.MaxEjectionPercent));
        SuccessRateEjection successRate = config.SuccessRateEjection!;
        Assert.Equal((5, 6, 7, 8), (successRate.StdevFactor, successRate.EnforcementPercentage, successRate.MinimumHosts, successRate.RequestVolume));
        FailurePercentageEjection failures = config.FailurePercentageEjection!;
        Assert.Equal((9, 10, 11, int.MaxValue), (failures.Threshold, failures.EnforcementPercentage, failures.MinimumHosts, failures.RequestVolume));
        Assert.Equal(["odd \"\u0001\\", "pick_first"], config.ChildPolicies.Select(child => child.PolicyName));
        Assert.Equal("""{ "a": 1 }""", config.ChildPolicies[0].ConfigJson);
        Assert.True(Assert.IsType<PickFirstConfig>(config.ChildPolicies[1]).ShuffleAddressList);
    }

    /// <summary>Its JSON, and its copy, say what it says.</summary>
    [Fact]
    public void Outlier_detection_says_in_json_what_it_was_told()
    {
        LoadBalancingConfig read = ServiceConfig.Parse(Outliers).LoadBalancingConfigs[0];
        LoadBalancingConfig again = ServiceConfig.Parse($"{{\"loadBalancingConfig\":[{{\"outlier_detection_experimental\":{read.ConfigJson}}}]}}").LoadBalancingConfigs[0];
        Assert.Equal(read.ConfigJson, again.ConfigJson);
        Assert.Equal(read.ConfigJson, read.Copy().ConfigJson);
        Assert.Equal(
            """{"interval":"1.5s","baseEjectionTime":"2s","maxEjectionTime":"3s","maxEjectionPercent":4,"successRateEjection":{"stdevFactor":5,"enforcementPercentage":6,"minimumHosts":7,"requestVolume":8},"failurePercentageEjection":{"threshold":9,"enforcementPercentage":10,"minimumHosts":11,"requestVolume":2147483647},"childPolicy":[{"odd \"\u0001\\":{ "a": 1 }},{"pick_first":{"shuffleAddressList":true}}]}""",
            read.ConfigJson);
    }

    /// <summary>The defaults of gRFC A50.</summary>
    [Fact]
    public void Outlier_detection_has_the_defaults_of_its_document()
    {
        var config = (OutlierDetectionConfig)ServiceConfig.Parse(
            """{ "loadBalancingConfig": [ { "outlier_detection_experimental": { "successRateEjection": {}, "failurePercentageEjection": {}, "childPolicy": [ { "round_robin": {} } ] } } ] }""").LoadBalancingConfigs[0];
        Assert.Equal((10, 30, 300, 10), (config.Interval.TotalSeconds, config.BaseEjectionTime.TotalSeconds, config.MaxEjectionTime.TotalSeconds, config.MaxEjectionPercent));
        SuccessRateEjection successRate = config.SuccessRateEjection!;
        Assert.Equal((1900, 100, 5, 100), (successRate.StdevFactor, successRate.EnforcementPercentage, successRate.MinimumHosts, successRate.RequestVolume));
        FailurePercentageEjection failures = config.FailurePercentageEjection!;
        Assert.Equal((85, 100, 5, 50), (failures.Threshold, failures.EnforcementPercentage, failures.MinimumHosts, failures.RequestVolume));
        var bare = new OutlierDetectionConfig();
        Assert.Null(bare.SuccessRateEjection);
        Assert.Null(bare.FailurePercentageEjection);
        Assert.Empty(bare.ChildPolicies);
    }

    [Fact]
    public void A_config_that_says_nothing_changes_nothing()
    {
        ServiceConfig config = ServiceConfig.Parse(" {} ");

        Assert.Empty(config.MethodConfigs);
        Assert.Empty(config.LoadBalancingConfigs);
        Assert.Null(config.RetryThrottling);
        Assert.Null(config.HealthCheckServiceName);
    }

    [Fact]
    public void Unknown_fields_are_passed_over_and_null_is_no_field()
    {
        ServiceConfig config = ServiceConfig.Parse("""
            { "connectionScaling": { "x": [1] }, "retryThrottling": null, "loadBalancingConfig": null, "loadBalancingPolicy": null,
              "healthCheckConfig": { "serviceName": null },
              "methodConfig": [ { "name": [ { "service": "s", "method": null, "regex": "." } ], "timeout": null, "waitForReady": null,
                                  "maxRequestMessageBytes": null, "retryPolicy": null,
                                  "hedgingPolicy": { "maxAttempts": 2, "hedgingDelay": null, "nonFatalStatusCodes": null, "more": {} } } ] }
            """);

        MethodConfig only = Assert.Single(config.MethodConfigs);
        Assert.Equal("/s/", Assert.Single(only.Names).Path);
        Assert.Null(only.Timeout);
        Assert.Null(only.WaitForReady);
        Assert.Null(only.HedgingPolicy!.HedgingDelay);
        Assert.Empty(only.HedgingPolicy.NonFatalStatusCodes);
        Assert.Null(config.HealthCheckServiceName);
    }

    /// <summary>In the old form the policy was an enum, and its names in upper case.</summary>
    [Theory]
    [InlineData("""{ "loadBalancingPolicy": "ROUND_ROBIN" }""", "round_robin", typeof(RoundRobinConfig))]
    [InlineData("""{ "loadBalancingPolicy": "pick_first", "loadBalancingConfig": [] }""", "pick_first", typeof(PickFirstConfig))]
    [InlineData("""{ "loadBalancingPolicy": "grpclb" }""", "grpclb", typeof(LoadBalancingConfig))]
    [InlineData("""{ "loadBalancingPolicy": "grpclb", "loadBalancingConfig": [ { "round_robin": {} } ] }""", "round_robin", typeof(RoundRobinConfig))]
    public void The_old_name_of_the_policy_counts_when_there_is_no_list(string json, string name, Type type)
    {
        LoadBalancingConfig policy = Assert.Single(ServiceConfig.Parse(json).LoadBalancingConfigs);

        Assert.Equal(name, policy.PolicyName);
        Assert.IsType(type, policy);
    }

    [Fact]
    public void An_old_name_that_is_empty_is_none() =>
        Assert.Empty(ServiceConfig.Parse("""{ "loadBalancingPolicy": "" }""").LoadBalancingConfigs);

    /// <summary>The health of the server as a whole has the empty name (gRFC A17), which is not the same as none.</summary>
    [Fact]
    public void The_empty_name_of_a_health_check_is_a_name() =>
        Assert.Equal("", ServiceConfig.Parse("""{ "healthCheckConfig": { "serviceName": "" } }""").HealthCheckServiceName);

    [Fact]
    public void Pick_first_says_in_json_what_it_was_told()
    {
        var policy = new PickFirstConfig();
        Assert.Equal("{}", policy.ConfigJson);
        policy.ShuffleAddressList = true;
        Assert.True(JsonDocument.Parse(policy.ConfigJson).RootElement.GetProperty("shuffleAddressList").GetBoolean());
        policy.ShuffleAddressList = false;
        Assert.Equal("{}", policy.ConfigJson);
        Assert.False(((PickFirstConfig)ServiceConfig.Parse("""{ "loadBalancingConfig": [ { "pick_first": {} } ] }""").LoadBalancingConfigs[0]).ShuffleAddressList);
    }

    /// <summary>No prefix of a config is a config, and whatever comes, a mistake is a FormatException.</summary>
    [Fact]
    public void Every_truncation_is_refused()
    {
        for (int length = 0; length < Whole.Length; length++)
        {
            Assert.Throws<FormatException>(() => ServiceConfig.Parse(Whole[..length]));
        }
    }

    [Fact]
    public void A_config_with_any_character_replaced_is_read_or_refused() =>
        Gen.Select(Gen.Int[0, Whole.Length - 1], Gen.Char).Sample(
            (at, with) => ReadOrRefuse($"{Whole[..at]}{with}{Whole[(at + 1)..]}"));

    /// <summary>Every value in turn becomes something of another type or size.</summary>
    [Fact]
    public void A_config_with_any_value_replaced_is_read_or_refused()
    {
        string[] values = ["null", "true", "-1", "0", "1e400", "0.0001", "4294967296", "[]", "{}", "[null]", "[[]]", "\"\"", "\"s\"", "\"-1s\"", "\"\\udc00\"", "{\"a\":null}"];
        int[] starts = [.. Enumerable.Range(0, Whole.Length).Where(i => Whole[i] is '"' or '{' or '[' or (>= '0' and <= '9') or 't')];
        Gen.Select(Gen.Int[0, starts.Length - 1], Gen.Int[0, values.Length - 1]).Sample((start, value) =>
            ReadOrRefuse($"{Whole[..starts[start]]}{values[value]}{Whole[EndOfValue(starts[start])..]}"));
    }

    /// <summary>What a config made in code and its JSON form say is the same, whatever they say.</summary>
    [Fact]
    public void What_is_written_as_json_is_read_back() =>
        Gen.Select(Gen.Int[2, 9], Gen.Long[1, TimeSpan.TicksPerDay], Gen.Long[1, TimeSpan.TicksPerDay], Gen.Double[0.001, 100], Gen.Int[1, 16].Array[1, 5]).Sample(
            (attempts, initial, max, multiplier, codes) =>
            {
                string json = $$"""
                    { "methodConfig": [ { "retryPolicy": { "maxAttempts": {{attempts}}, "initialBackoff": "{{Seconds(initial)}}", "maxBackoff": "{{Seconds(max)}}",
                      "backoffMultiplier": {{multiplier:R}}, "retryableStatusCodes": [ {{string.Join(',', codes)}} ] } } ] }
                    """;
                RetryPolicy read = ServiceConfig.Parse(json).MethodConfigs[0].RetryPolicy!;
                Assert.Equal((attempts, new TimeSpan(initial), new TimeSpan(max), multiplier), (read.MaxAttempts!.Value, read.InitialBackoff!.Value, read.MaxBackoff!.Value, read.BackoffMultiplier!.Value));
                Assert.Equal(codes.Select(code => (StatusCode)code), read.RetryableStatusCodes);
            });

    [Fact]
    public void The_example_of_the_document_is_read()
    {
        string section = Section();
        string json = section.Split("```json\n")[1].Split("```")[0];

        ServiceConfig config = ServiceConfig.Parse(json);

        Assert.NotEmpty(config.MethodConfigs);
        Assert.NotEmpty(config.LoadBalancingConfigs);
        Assert.NotNull(config.RetryThrottling);
    }

    [Theory]
    [InlineData(typeof(ServiceConfig))]
    [InlineData(typeof(MethodConfig))]
    [InlineData(typeof(MethodName))]
    [InlineData(typeof(RetryPolicy))]
    [InlineData(typeof(HedgingPolicy))]
    [InlineData(typeof(RetryThrottlingPolicy))]
    [InlineData(typeof(PickFirstConfig))]
    [InlineData(typeof(OutlierDetectionConfig))]
    [InlineData(typeof(SuccessRateEjection))]
    [InlineData(typeof(FailurePercentageEjection))]
    public void Every_property_has_a_row_in_the_document(Type type)
    {
        string section = Section();
        IEnumerable<string> missing = type.GetProperties(BindingFlags.Public | BindingFlags.Instance | BindingFlags.DeclaredOnly)
            .Select(property => $"| `{type.Name}.{property.Name}` |")
            .Where(cell => !section.Contains(cell, StringComparison.Ordinal));
        Assert.Empty(missing);
    }

    /// <summary>A native program that doesn't parse a config doesn't carry a JSON reader: there is one way to it.</summary>
    [Fact]
    public void Only_parse_leads_to_a_json_reader()
    {
        Reference[] uses = [.. CompiledAssembly.Client.Uses];

        Assert.Equal(["ConfigValue", "ServiceConfigReader"], uses.Where(use => use.To.IsBelow("System.Text.Json")).Select(use => use.From.Name).Distinct().Order());
        Assert.Equal(["ServiceConfigReader"], UsersOf("ConfigValue"));
        Assert.Equal(["ServiceConfig.Parse"], uses.Where(use => use.To.Name == "ServiceConfigReader" && use.From.Name != "ServiceConfigReader")
            .Select(use => $"{use.From.Name}.{use.Where}").Distinct());

        IEnumerable<string> UsersOf(string name) => uses.Where(use => use.To.Name == name && use.From.Name != name).Select(use => use.From.Name).Distinct();
    }

    private static string Section() =>
        File.ReadAllText(Path.Combine(Repository.Root, "docs", "configuration.md")).Split("## Service config\n")[1].Split("\n## ")[0];

    private static string Seconds(long ticks) => $"{ticks / TimeSpan.TicksPerSecond}.{ticks % TimeSpan.TicksPerSecond:D7}s";

    private static bool ReadOrRefuse(string json)
    {
        try
        {
            return ServiceConfig.Parse(json).FindMistake() is null;
        }
        catch (FormatException e)
        {
            return e.Message.Contains(": ", StringComparison.Ordinal);
        }
    }

    private static int EndOfValue(int start)
    {
        int depth = 0;
        bool isQuoted = false;
        for (int i = start; i < Whole.Length; i++)
        {
            char c = Whole[i];
            isQuoted ^= c == '"';
            depth += isQuoted ? 0 : c is '{' or '[' ? 1 : c is '}' or ']' ? -1 : 0;
            if (depth < 0)
            {
                return i;
            }

            if (!isQuoted && depth == 0 && (c is '"' or '}' or ']' || i + 1 == Whole.Length || Whole[i + 1] is ',' or ' ' or '}' or ']' or '\n'))
            {
                return i + 1;
            }
        }

        return Whole.Length;
    }
}
