using Grpc.Core;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Conformance.Wire.Configuration;

/// <summary>What a service config may not say (service_config.proto, the sections of gRFC A6 on validation): each rule by the place and the sentence it is refused with.</summary>
public class MistakeTests
{
    private const string GoodRetry = """ "maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1, "retryableStatusCodes": [14] """;

    [Theory]
    [InlineData("", "the service config: is no JSON: ")]
    [InlineData("{", "the service config: is no JSON: ")]
    [InlineData("{} {}", "the service config: is no JSON: ")]
    [InlineData("{'a': 1}", "the service config: is no JSON: ")]
    [InlineData("[]", "the service config: expected an object, found a list")]
    [InlineData("7", "the service config: expected an object, found 7")]
    [InlineData("""{"timeout": 1, "timeout": 1}""", "the service config: is no JSON: Duplicate property 'timeout'")]
    [InlineData("""{"methodConfig": [{"name": [{"service": "a", "\u0073ervice": "b"}]}]}""", "the service config: is no JSON: Duplicate property 'service'")]
    [InlineData("{\"\\ud800\": 1}", "the service config: has half of a surrogate pair")]
    [InlineData("{\"methodConfig\": {}}", "methodConfig: expected a list, found an object")]
    [InlineData("{\"methodConfig\": [null]}", "methodConfig[0]: expected an object, found null")]
    [InlineData("{\"retryThrottling\": []}", "retryThrottling: expected an object, found a list")]
    [InlineData("{\"healthCheckConfig\": \"s\"}", "healthCheckConfig: expected an object, found \"s\"")]
    [InlineData("{\"healthCheckConfig\": {\"serviceName\": 1}}", "healthCheckConfig.serviceName: expected a string, found 1")]
    [InlineData("{\"healthCheckConfig\": {\"serviceName\": \"\\udc00\"}}", "healthCheckConfig.serviceName: has half of a surrogate pair")]
    [InlineData("{\"loadBalancingPolicy\": 1}", "loadBalancingPolicy: expected a string, found 1")]
    [InlineData("{\"loadBalancingConfig\": {}}", "loadBalancingConfig: expected a list, found an object")]
    [InlineData("{\"loadBalancingConfig\": [1]}", "loadBalancingConfig[0]: expected an object, found 1")]
    [InlineData("{\"loadBalancingConfig\": [{\"a\": {}}, {}]}", "loadBalancingConfig[1]: expected one field, named after the policy, found 0")]
    [InlineData("{\"loadBalancingConfig\": [{\"a\": {}, \"b\": {}}]}", "loadBalancingConfig[0]: expected one field, named after the policy, found 2")]
    [InlineData("{\"loadBalancingConfig\": [{\"a\": 1}]}", "loadBalancingConfig[0].a: expected an object, found 1")]
    [InlineData("{\"loadBalancingConfig\": [{\"round_robin\": null}]}", "loadBalancingConfig[0].round_robin: expected an object, found null")]
    [InlineData("{\"loadBalancingConfig\": [{\"pick_first\": {\"shuffleAddressList\": 1}}]}", "loadBalancingConfig[0].pick_first.shuffleAddressList: expected true or false, found 1")]
    [InlineData("{\"loadBalancingConfig\": [{\"\": {}}]}", "loadBalancingConfig[0]: the name of the policy is missing")]
    public void What_is_no_config_is_refused_with_the_place(string json, string message) => AssertRefused(json, message);

    [Theory]
    [InlineData("\"name\": {}", "name: expected a list, found an object")]
    [InlineData("\"name\": [[]]", "name[0]: expected an object, found a list")]
    [InlineData("\"name\": [{}, {\"service\": 1}]", "name[1].service: expected a string, found 1")]
    [InlineData("\"name\": [{\"method\": \"M\"}]", "name[0]: the method \"M\" has no service")]
    [InlineData("\"name\": [{\"service\": \"\", \"method\": \"M\"}]", "name[0]: the method \"M\" has no service")]
    [InlineData("\"waitForReady\": \"true\"", "waitForReady: expected true or false, found \"true\"")]
    [InlineData("\"timeout\": 1", "timeout: expected a duration in seconds, such as \"1.5s\", found 1")]
    [InlineData("\"timeout\": \"1\"", "timeout: expected a duration in seconds, such as \"1.5s\", found \"1\"")]
    [InlineData("\"timeout\": \"-1s\"", "timeout: is negative")]
    [InlineData("\"timeout\": \"315576000001s\"", "timeout: is longer than 315576000000 s")]
    [InlineData("\"maxRequestMessageBytes\": -1", "maxRequestMessageBytes: -1 is negative")]
    [InlineData("\"maxResponseMessageBytes\": -1", "maxResponseMessageBytes: -1 is negative")]
    [InlineData("\"maxResponseMessageBytes\": 1.5", "maxResponseMessageBytes: expected an integer of 32 bits, found 1.5")]
    [InlineData("\"maxResponseMessageBytes\": 4294967296", "maxResponseMessageBytes: expected an integer of 32 bits, found 4294967296")]
    [InlineData("\"maxResponseMessageBytes\": \"1 KiB\"", "maxResponseMessageBytes: expected an integer of 32 bits, found \"1 KiB\"")]
    [InlineData("\"retryPolicy\": 1", "retryPolicy: expected an object, found 1")]
    [InlineData("\"hedgingPolicy\": []", "hedgingPolicy: expected an object, found a list")]
    [InlineData("\"retryPolicy\": {" + GoodRetry + "}, \"hedgingPolicy\": {\"maxAttempts\": 2}", "retryPolicy and hedgingPolicy exclude each other")]
    [InlineData("\"hedgingPolicy\": {}", "hedgingPolicy.maxAttempts: is missing")]
    [InlineData("\"hedgingPolicy\": {\"maxAttempts\": 1}", "hedgingPolicy.maxAttempts: 1 is less than 2, and the first attempt counts")]
    [InlineData("\"hedgingPolicy\": {\"maxAttempts\": 2, \"hedgingDelay\": \"-0.1s\"}", "hedgingPolicy.hedgingDelay: is negative")]
    [InlineData("\"hedgingPolicy\": {\"maxAttempts\": 2, \"hedgingDelay\": \"999999999999s\"}", "hedgingPolicy.hedgingDelay: is longer than 315576000000 s")]
    [InlineData("\"hedgingPolicy\": {\"maxAttempts\": 2, \"nonFatalStatusCodes\": [14, 0]}", "hedgingPolicy.nonFatalStatusCodes[1]: 0 is no status that a call fails with")]
    public void A_method_config_is_refused_with_the_place(string fields, string message) =>
        AssertRefused($"{{\"methodConfig\": [{{}}, {{{fields}}}]}}", message.StartsWith("retryPolicy and", StringComparison.Ordinal) ? $"methodConfig[1]: {message}" : $"methodConfig[1].{message}");

    [Theory]
    [InlineData("\"maxAttempts\": 2", "", "maxAttempts: is missing")]
    [InlineData("\"maxAttempts\": 2", "\"maxAttempts\": 1", "maxAttempts: 1 is less than 2, and the first attempt counts")]
    [InlineData("\"maxAttempts\": 2", "\"maxAttempts\": -3", "maxAttempts: -3 is less than 2, and the first attempt counts")]
    [InlineData("\"maxAttempts\": 2", "\"maxAttempts\": 2.5", "maxAttempts: expected an integer of 32 bits, found 2.5")]
    [InlineData("\"initialBackoff\": \"1s\"", "", "initialBackoff: is missing")]
    [InlineData("\"initialBackoff\": \"1s\"", "\"initialBackoff\": \"0s\"", "initialBackoff: has to be more than 0 s")]
    [InlineData("\"initialBackoff\": \"1s\"", "\"initialBackoff\": \"-1s\"", "initialBackoff: is negative")]
    [InlineData("\"initialBackoff\": \"1s\"", "\"initialBackoff\": \".1s\"", "initialBackoff: expected a duration in seconds")]
    [InlineData("\"maxBackoff\": \"1s\"", "", "maxBackoff: is missing")]
    [InlineData("\"maxBackoff\": \"1s\"", "\"maxBackoff\": \"0.000s\"", "maxBackoff: has to be more than 0 s")]
    [InlineData("\"maxBackoff\": \"1s\"", "\"maxBackoff\": \"315576000001s\"", "maxBackoff: is longer than 315576000000 s")]
    [InlineData("\"backoffMultiplier\": 1", "", "backoffMultiplier: is missing")]
    [InlineData("\"backoffMultiplier\": 1", "\"backoffMultiplier\": 0", "backoffMultiplier: 0 is no number greater than 0")]
    [InlineData("\"backoffMultiplier\": 1", "\"backoffMultiplier\": -0.5", "backoffMultiplier: -0.5 is no number greater than 0")]
    [InlineData("\"backoffMultiplier\": 1", "\"backoffMultiplier\": 1e400", "backoffMultiplier: Infinity is no number greater than 0")]
    [InlineData("\"backoffMultiplier\": 1", "\"backoffMultiplier\": \"one\"", "backoffMultiplier: expected a number, found \"one\"")]
    [InlineData("\"retryableStatusCodes\": [14]", "", "retryableStatusCodes: is missing")]
    [InlineData("[14]", "[]", "retryableStatusCodes: is missing")]
    [InlineData("[14]", "14", "retryableStatusCodes: expected a list, found 14")]
    [InlineData("[14]", "[14, null]", "retryableStatusCodes[1]: expected the name or number of a status code, found null")]
    [InlineData("[14]", "[\"SLOW\"]", "retryableStatusCodes[0]: expected the name or number of a status code, found \"SLOW\"")]
    [InlineData("[14]", "[\"DeadlineExceeded\"]", "retryableStatusCodes[0]: expected the name or number of a status code, found \"DeadlineExceeded\"")]
    [InlineData("[14]", "[\"14\"]", "retryableStatusCodes[0]: expected the name or number of a status code, found \"14\"")]
    [InlineData("[14]", "[\"OK\"]", "retryableStatusCodes[0]: 0 is no status that a call fails with; those are 1 to 16")]
    [InlineData("[14]", "[17]", "retryableStatusCodes[0]: 17 is no status that a call fails with; those are 1 to 16")]
    [InlineData("[14]", "[-1]", "retryableStatusCodes[0]: -1 is no status that a call fails with; those are 1 to 16")]
    public void A_retry_policy_is_refused_with_the_place(string what, string by, string message)
    {
        string policy = string.Join(',', GoodRetry.Replace(what, by, StringComparison.Ordinal).Split(',').Where(field => !string.IsNullOrWhiteSpace(field)));

        AssertRefused($"{{\"methodConfig\": [{{\"retryPolicy\": {{{policy}}}}}]}}", $"methodConfig[0].retryPolicy.{message}");
    }

    [Theory]
    [InlineData("\"interval\": \"-1s\"", "interval: is negative")]
    [InlineData("\"interval\": 10", "interval: expected a duration in seconds, such as \"1.5s\", found 10")]
    [InlineData("\"interval\": \"315576000001s\"", "interval: is longer than 315576000000 s")]
    [InlineData("\"baseEjectionTime\": \"-0.1s\"", "baseEjectionTime: is negative")]
    [InlineData("\"maxEjectionTime\": \"-1s\"", "maxEjectionTime: is negative")]
    [InlineData("\"maxEjectionPercent\": 101", "maxEjectionPercent: 101 is not between 0 and 100")]
    [InlineData("\"maxEjectionPercent\": -1", "maxEjectionPercent: -1 is not between 0 and 100")]
    [InlineData("\"maxEjectionPercent\": 0.5", "maxEjectionPercent: expected an integer of 32 bits, found 0.5")]
    [InlineData("\"successRateEjection\": []", "successRateEjection: expected an object, found a list")]
    [InlineData("\"successRateEjection\": {\"stdevFactor\": -1}", "successRateEjection.stdevFactor: -1 is negative")]
    [InlineData("\"successRateEjection\": {\"enforcementPercentage\": 101}", "successRateEjection.enforcementPercentage: 101 is not between 0 and 100")]
    [InlineData("\"successRateEjection\": {\"minimumHosts\": -1}", "successRateEjection.minimumHosts: -1 is negative")]
    [InlineData("\"successRateEjection\": {\"requestVolume\": -1}", "successRateEjection.requestVolume: -1 is negative")]
    [InlineData("\"failurePercentageEjection\": 1", "failurePercentageEjection: expected an object, found 1")]
    [InlineData("\"failurePercentageEjection\": {\"threshold\": 101}", "failurePercentageEjection.threshold: 101 is not between 0 and 100")]
    [InlineData("\"failurePercentageEjection\": {\"enforcementPercentage\": -1}", "failurePercentageEjection.enforcementPercentage: -1 is not between 0 and 100")]
    [InlineData("\"failurePercentageEjection\": {\"minimumHosts\": -1}", "failurePercentageEjection.minimumHosts: -1 is negative")]
    [InlineData("\"failurePercentageEjection\": {\"requestVolume\": -1}", "failurePercentageEjection.requestVolume: -1 is negative")]
    [InlineData("", "childPolicy: is missing")]
    [InlineData("\"childPolicy\": []", "childPolicy: is missing")]
    [InlineData("\"childPolicy\": {}", "childPolicy: expected a list, found an object")]
    [InlineData("\"childPolicy\": [{\"a\": {}}, {\"\": {}}]", "childPolicy[1]: the name of the policy is missing")]
    [InlineData("\"childPolicy\": [{\"pick_first\": {\"shuffleAddressList\": 1}}]", "childPolicy[0].pick_first.shuffleAddressList: expected true or false, found 1")]
    [InlineData("\"childPolicy\": [{\"outlier_detection_experimental\": {\"childPolicy\": [{\"round_robin\": {}}]}}]", "childPolicy[0]: is outlier_detection_experimental in itself")]
    public void Outlier_detection_is_refused_with_the_place(string fields, string message) => AssertRefused(
        $"{{\"loadBalancingConfig\": [{{\"a\": {{}}}}, {{\"outlier_detection_experimental\": {{{fields}}}}}]}}", $"loadBalancingConfig[1].outlier_detection_experimental.{message}");

    [Theory]
    [InlineData("", "maxTokens: is missing")]
    [InlineData("\"maxTokens\": 0, \"tokenRatio\": 1", "maxTokens: 0 is not between 1 and 1000")]
    [InlineData("\"maxTokens\": 1001, \"tokenRatio\": 1", "maxTokens: 1001 is not between 1 and 1000")]
    [InlineData("\"maxTokens\": 0.5, \"tokenRatio\": 1", "maxTokens: expected an integer of 32 bits, found 0.5")]
    [InlineData("\"maxTokens\": 10", "tokenRatio: is missing")]
    [InlineData("\"maxTokens\": 10, \"tokenRatio\": 0", "tokenRatio: 0 is no number of at least 0.001")]
    [InlineData("\"maxTokens\": 10, \"tokenRatio\": -1", "tokenRatio: -1 is no number of at least 0.001")]
    [InlineData("\"maxTokens\": 10, \"tokenRatio\": 0.0009", "tokenRatio: 0.0009 is no number of at least 0.001")]
    [InlineData("\"maxTokens\": 10, \"tokenRatio\": 1e400", "tokenRatio: Infinity is no number of at least 0.001")]
    public void Throttling_is_refused_with_the_place(string fields, string message) =>
        AssertRefused($"{{\"retryThrottling\": {{{fields}}}}}", $"retryThrottling.{message}");

    [Theory]
    [InlineData("[{\"name\": [{}, {}]}]", "methodConfig[0].name[1]: stands for the same calls as methodConfig[0].name[0]")]
    [InlineData("[{\"name\": [{}]}, {\"name\": [{\"service\": \"\", \"method\": null}]}]", "methodConfig[1].name[0]: stands for the same calls as methodConfig[0].name[0]")]
    [InlineData("[{\"name\": [{\"service\": \"s\"}]}, {}, {\"name\": [{\"service\": \"t\"}, {\"service\": \"s\", \"method\": \"\"}]}]", "methodConfig[2].name[1]: stands for the same calls as methodConfig[0].name[0]")]
    [InlineData("[{\"name\": [{\"service\": \"s\", \"method\": \"m\"}, {\"service\": \"s\", \"method\": \"m\"}]}]", "methodConfig[0].name[1]: stands for the same calls as methodConfig[0].name[0]")]
    public void A_name_stands_once_in_the_whole_config(string methodConfigs, string message) =>
        AssertRefused($"{{\"methodConfig\": {methodConfigs}}}", message);

    [Fact]
    public void Names_differ_by_case() =>
        Assert.Equal(2, ServiceConfig.Parse("""{"methodConfig": [{"name": [{"service": "s"}, {"service": "S"}]}]}""").MethodConfigs[0].Names.Count);

    [Fact]
    public void A_whole_surrogate_pair_is_a_character() =>
        Assert.Equal("\ud83d\ude00", ServiceConfig.Parse("{\"healthCheckConfig\": {\"serviceName\": \"\\ud83d\\ude00\"}}").HealthCheckServiceName);

    [Fact]
    public void Half_of_a_surrogate_pair_is_refused() => AssertRefused("{\"a\": \"\ud800\"}", "the service config: has half of a surrogate pair");

    [Fact]
    public void A_long_value_is_quoted_in_part()
    {
        FormatException e = Assert.Throws<FormatException>(() => ServiceConfig.Parse($"{{\"methodConfig\": \"{new string('x', 10_000)}\"}}"));

        Assert.InRange(e.Message.Length, 60, 200);
    }

    [Fact]
    public void Null_is_no_config() => Assert.Throws<ArgumentNullException>(() => ServiceConfig.Parse(null!));

    [Fact]
    public void A_policy_made_in_code_has_a_name_and_a_config()
    {
        Assert.Throws<ArgumentNullException>(() => new LoadBalancingConfig(null!));
        Assert.Throws<ArgumentNullException>(() => new LoadBalancingConfig("p", null!));
    }

    public static TheoryData<string, ServiceConfig> MadeInCode => new()
    {
        { "methodConfig[0]: is missing", new ServiceConfig { MethodConfigs = { null! } } },
        { "methodConfig[0].name[0]: is missing", new ServiceConfig { MethodConfigs = { new MethodConfig { Names = { null! } } } } },
        { "methodConfig[0].name[0]: the method", new ServiceConfig { MethodConfigs = { new MethodConfig { Names = { new MethodName { Method = "M" } } } } } },
        { "methodConfig[0].name[1]: stands for the same", new ServiceConfig { MethodConfigs = { new MethodConfig { Names = { MethodName.Default, new MethodName() } } } } },
        { "methodConfig[0].timeout: is negative", new ServiceConfig { MethodConfigs = { new MethodConfig { Timeout = Timeout.InfiniteTimeSpan } } } },
        { "methodConfig[0].timeout: is longer", new ServiceConfig { MethodConfigs = { new MethodConfig { Timeout = TimeSpan.MaxValue } } } },
        { "methodConfig[0].retryPolicy.maxAttempts: is missing", new ServiceConfig { MethodConfigs = { new MethodConfig { RetryPolicy = new RetryPolicy() } } } },
        {
            "methodConfig[0].hedgingPolicy.nonFatalStatusCodes[0]: 99 is no status",
            new ServiceConfig { MethodConfigs = { new MethodConfig { HedgingPolicy = new HedgingPolicy { MaxAttempts = 2, NonFatalStatusCodes = { (StatusCode)99 } } } } }
        },
        { "retryThrottling.tokenRatio: NaN is no number", new ServiceConfig { RetryThrottling = new RetryThrottlingPolicy { MaxTokens = 1, TokenRatio = double.NaN } } },
        { "loadBalancingConfig[0]: the name of the policy", new ServiceConfig { LoadBalancingConfigs = { null! } } },
        { "loadBalancingConfig[0]: the name of the policy", new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig("") } } },
        {
            "loadBalancingConfig[0].outlier_detection_experimental: is made in code as an OutlierDetectionConfig",
            new ServiceConfig { LoadBalancingConfigs = { new LoadBalancingConfig("outlier_detection_experimental") } }
        },
        {
            "loadBalancingConfig[0].outlier_detection_experimental.childPolicy[0]: the name of the policy",
            new ServiceConfig { LoadBalancingConfigs = { new OutlierDetectionConfig { ChildPolicies = { null! } } } }
        },
        { "healthCheckConfig.serviceName: has half of a surrogate pair", new ServiceConfig { HealthCheckServiceName = "a\ud800b" } },
        { "healthCheckConfig.serviceName: has half of a surrogate pair", new ServiceConfig { HealthCheckServiceName = "\udc00" } },
        { "healthCheckConfig.serviceName: has half of a surrogate pair", new ServiceConfig { HealthCheckServiceName = "\ud83d\ude00\ud83d" } },
    };

    /// <summary>Configs made in code meet the same rules, when they are taken.</summary>
    [Theory]
    [MemberData(nameof(MadeInCode), DisableDiscoveryEnumeration = true)]
    public void A_config_made_in_code_is_refused_when_it_is_taken(string message, ServiceConfig config)
    {
        InvalidOperationException e = Assert.Throws<InvalidOperationException>(() => new MethodConfigTable(config));

        Assert.StartsWith("ServiceConfig: " + message, e.Message, StringComparison.Ordinal);
    }

    private static void AssertRefused(string json, string message)
    {
        FormatException e = Assert.Throws<FormatException>(() => ServiceConfig.Parse(json));
        Assert.StartsWith(message, e.Message, StringComparison.Ordinal);
    }
}
