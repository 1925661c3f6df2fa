using System.Text;
using System.Text.Json;
using Grpc.Core;

namespace MiniGrpc.Client.Configuration;

/// <summary>
/// The JSON form of a service config, made into the model; the model judges what the values may be. The form is that of
/// service_config.proto in proto3 JSON, as gRPC implementations read it: unknown fields are passed over, null is no field.
/// </summary>
/// <remarks>
/// With <see cref="ConfigValue"/> the only code that reads JSON, and <see cref="ServiceConfig.Parse"/> the only way to it: a native
/// program that doesn't parse doesn't carry a JSON reader.
/// </remarks>
internal static class ServiceConfigReader
{
    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>Reads <paramref name="json"/>.</summary>
    /// <exception cref="FormatException">It isn't JSON, or a value has the wrong type.</exception>
    public static ServiceConfig Read(string json)
    {
        using JsonDocument document = Open(json);
        return ReadServiceConfig(new ConfigValue(document.RootElement));
    }

    /// <summary>Of two fields with one name other readers take the first or the last, so that such a config means different things to clients.</summary>
    private static JsonDocument Open(string json)
    {
        try
        {
            return JsonDocument.Parse(s_strictUtf8.GetBytes(json), new JsonDocumentOptions { AllowDuplicateProperties = false });
        }
        catch (JsonException e)
        {
            throw new FormatException($"the service config: is no JSON: {e.Message}", e);
        }
        catch (Exception e) when (e is EncoderFallbackException or InvalidOperationException)
        {
            // The second one is how System.Text.Json says it of escapes, "\ud800", in the names of fields.
            throw new FormatException("the service config: has half of a surrogate pair, which is no character", e);
        }
    }

    private static ServiceConfig ReadServiceConfig(ConfigValue value)
    {
        var config = new ServiceConfig
        {
            RetryThrottling = value.Field("retryThrottling") is { } throttling ? ReadRetryThrottling(throttling) : null,
            HealthCheckServiceName = value.Field("healthCheckConfig")?.Field("serviceName")?.AsString(),
        };
        foreach (ConfigValue method in value.List("methodConfig"))
        {
            config.MethodConfigs.Add(ReadMethodConfig(method));
        }

        foreach (ConfigValue policy in value.List("loadBalancingConfig"))
        {
            config.LoadBalancingConfigs.Add(ReadLoadBalancingConfig(policy));
        }

        // The old form: a name alone, in upper case if it was written by protobuf, where it was an enum.
        if (value.Field("loadBalancingPolicy")?.AsString() is { Length: > 0 } name && config.LoadBalancingConfigs.Count == 0)
        {
#pragma warning disable CA1308 // the names of policies are in lower case
            config.LoadBalancingConfigs.Add(NewLoadBalancingConfig(name.ToLowerInvariant()));
#pragma warning restore CA1308
        }

        return config;
    }

    private static MethodConfig ReadMethodConfig(ConfigValue value)
    {
        var config = new MethodConfig
        {
            WaitForReady = value.Field("waitForReady")?.AsBoolean(),
            Timeout = value.Field("timeout")?.AsDuration(),
            MaxRequestMessageBytes = value.Field("maxRequestMessageBytes")?.AsInteger(),
            MaxResponseMessageBytes = value.Field("maxResponseMessageBytes")?.AsInteger(),
            RetryPolicy = value.Field("retryPolicy") is { } retry ? ReadRetryPolicy(retry) : null,
            HedgingPolicy = value.Field("hedgingPolicy") is { } hedging ? ReadHedgingPolicy(hedging) : null,
        };
        foreach (ConfigValue name in value.List("name"))
        {
            config.Names.Add(new MethodName { Service = name.Field("service")?.AsString(), Method = name.Field("method")?.AsString() });
        }

        return config;
    }

    private static RetryPolicy ReadRetryPolicy(ConfigValue value)
    {
        var policy = new RetryPolicy
        {
            MaxAttempts = value.Field("maxAttempts")?.AsInteger(),
            InitialBackoff = value.Field("initialBackoff")?.AsDuration(),
            MaxBackoff = value.Field("maxBackoff")?.AsDuration(),
            BackoffMultiplier = value.Field("backoffMultiplier")?.AsNumber(),
        };
        ReadStatusCodes(value.List("retryableStatusCodes"), policy.RetryableStatusCodes);
        return policy;
    }

    private static HedgingPolicy ReadHedgingPolicy(ConfigValue value)
    {
        var policy = new HedgingPolicy
        {
            MaxAttempts = value.Field("maxAttempts")?.AsInteger(),
            HedgingDelay = value.Field("hedgingDelay")?.AsDuration(),
        };
        ReadStatusCodes(value.List("nonFatalStatusCodes"), policy.NonFatalStatusCodes);
        return policy;
    }

    private static void ReadStatusCodes(IEnumerable<ConfigValue> values, IList<StatusCode> codes)
    {
        foreach (ConfigValue value in values)
        {
            codes.Add(value.AsStatusCode());
        }
    }

    private static RetryThrottlingPolicy ReadRetryThrottling(ConfigValue value) => new()
    {
        MaxTokens = value.Field("maxTokens")?.AsInteger(),
        TokenRatio = value.Field("tokenRatio")?.AsNumber(),
    };

    /// <summary>{"the policy's name": its config}, one a policy, so that clients that don't know a policy take the next one (gRFC A24).</summary>
    private static LoadBalancingConfig ReadLoadBalancingConfig(ConfigValue value)
    {
        (string name, ConfigValue config) = value.OnlyField();
        LoadBalancingConfig policy = NewLoadBalancingConfig(name, config.AsObjectText());
        switch (policy)
        {
            case PickFirstConfig pickFirst:
                pickFirst.ShuffleAddressList = config.Field("shuffleAddressList")?.AsBoolean() ?? false;
                break;
            case OutlierDetectionConfig outlierDetection:
                ReadOutlierDetection(config, outlierDetection);
                break;
        }

        return policy;
    }

    private static void ReadOutlierDetection(ConfigValue value, OutlierDetectionConfig config)
    {
        config.Interval = value.Field("interval")?.AsDuration() ?? config.Interval;
        config.BaseEjectionTime = value.Field("baseEjectionTime")?.AsDuration() ?? config.BaseEjectionTime;
        config.MaxEjectionTime = value.Field("maxEjectionTime")?.AsDuration() ?? config.MaxEjectionTime;
        config.MaxEjectionPercent = value.Field("maxEjectionPercent")?.AsInteger() ?? config.MaxEjectionPercent;
        config.SuccessRateEjection = value.Field("successRateEjection") is { } successRate ? ReadSuccessRateEjection(successRate) : null;
        config.FailurePercentageEjection = value.Field("failurePercentageEjection") is { } failures ? ReadFailurePercentageEjection(failures) : null;
        foreach (ConfigValue child in value.List("childPolicy"))
        {
            config.ChildPolicies.Add(ReadLoadBalancingConfig(child));
        }
    }

    private static SuccessRateEjection ReadSuccessRateEjection(ConfigValue value)
    {
        var rule = new SuccessRateEjection();
        rule.StdevFactor = value.Field("stdevFactor")?.AsInteger() ?? rule.StdevFactor;
        rule.EnforcementPercentage = value.Field("enforcementPercentage")?.AsInteger() ?? rule.EnforcementPercentage;
        rule.MinimumHosts = value.Field("minimumHosts")?.AsInteger() ?? rule.MinimumHosts;
        rule.RequestVolume = value.Field("requestVolume")?.AsInteger() ?? rule.RequestVolume;
        return rule;
    }

    private static FailurePercentageEjection ReadFailurePercentageEjection(ConfigValue value)
    {
        var rule = new FailurePercentageEjection();
        rule.Threshold = value.Field("threshold")?.AsInteger() ?? rule.Threshold;
        rule.EnforcementPercentage = value.Field("enforcementPercentage")?.AsInteger() ?? rule.EnforcementPercentage;
        rule.MinimumHosts = value.Field("minimumHosts")?.AsInteger() ?? rule.MinimumHosts;
        rule.RequestVolume = value.Field("requestVolume")?.AsInteger() ?? rule.RequestVolume;
        return rule;
    }

    private static LoadBalancingConfig NewLoadBalancingConfig(string name, string configJson = "{}") => name switch
    {
        LoadBalancingConfig.PickFirstPolicyName => new PickFirstConfig(),
        LoadBalancingConfig.RoundRobinPolicyName => new RoundRobinConfig(),
        LoadBalancingConfig.OutlierDetectionPolicyName => new OutlierDetectionConfig(),
        _ => new LoadBalancingConfig(name, configJson),
    };
}
