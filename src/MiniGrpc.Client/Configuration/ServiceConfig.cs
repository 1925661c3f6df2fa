namespace MiniGrpc.Client.Configuration;

/// <summary>
/// What the owner of a service recommends to its clients (gRPC service_config.md, service_config.proto): timeouts, limits, retries
/// or hedging by method, and how to spread calls over several servers. Made in code with the names of
/// <c>Grpc.Net.Client.Configuration</c>, or read from its JSON form by <see cref="Parse"/>.
/// </summary>
/// <remarks>Not thread-safe. Who uses it checks it and takes a copy, so later changes have no effect.</remarks>
public sealed class ServiceConfig
{
    /// <summary>
    /// The load balancing policies to choose from: the first one that the client knows is used (gRFC A24). Default empty: the
    /// client's own choice, which is <c>pick_first</c>.
    /// </summary>
    public IList<LoadBalancingConfig> LoadBalancingConfigs { get; } = [];

    /// <summary>What holds for which methods. The entry with the most specific name counts, alone: method, then service, then default. Default empty.</summary>
    public IList<MethodConfig> MethodConfigs { get; } = [];

    /// <summary>When retries and hedges pause because too many calls fail, for all methods of the server together. Default null: never.</summary>
    public RetryThrottlingPolicy? RetryThrottling { get; set; }

    /// <summary>
    /// The service whose health servers are asked for before they are given calls, and for as long as they are connected (gRFC A17); the
    /// empty string asks for the server as a whole. Default null: nothing is asked. It has no effect with <c>pick_first</c>, nor with
    /// <see cref="MiniChannelOptions.DisableHealthChecking"/>.
    /// </summary>
    public string? HealthCheckServiceName { get; set; }

    /// <summary>
    /// Reads the JSON form: <c>{"methodConfig": [{"name": [{}], "timeout": "1.5s"}]}</c>. Fields that aren't known are passed over,
    /// and null is the same as no field, but a field that stands twice is a mistake. Durations are strings of seconds; status codes
    /// are names (in any case) or numbers. <c>loadBalancingPolicy</c>, the old form, counts when there is no
    /// <c>loadBalancingConfig</c>.
    /// </summary>
    /// <param name="json">A service config; not the list of choices that stands in DNS (gRFC A2).</param>
    /// <exception cref="FormatException">
    /// It isn't JSON, a value has the wrong type, or a rule is broken. The message begins with the place:
    /// <c>methodConfig[2].retryPolicy.maxAttempts: 1 is less than 2, …</c>.
    /// </exception>
    public static ServiceConfig Parse(string json)
    {
        ArgumentNullException.ThrowIfNull(json);
        ServiceConfig config = ServiceConfigReader.Read(json);
        return config.FindMistake() is { } mistake ? throw new FormatException(mistake) : config;
    }

    /// <summary>
    /// The first rule that is broken, as "place: what is wrong"; null when all is well. Places are named as in the JSON form, for
    /// configs made in code, too.
    /// </summary>
    internal string? FindMistake() =>
        LoadBalancingConfig.FindMistake(LoadBalancingConfigs, "loadBalancingConfig")
        ?? FindMistakeInMethods()
        ?? RetryThrottling?.FindMistake("retryThrottling")
        ?? Rules.Characters(HealthCheckServiceName, "healthCheckConfig.serviceName");

    private string? FindMistakeInMethods()
    {
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        for (int i = 0; i < MethodConfigs.Count; i++)
        {
            string place = $"methodConfig[{i}]";
            string? mistake = MethodConfigs[i] is { } config ? config.FindMistake(place) ?? FindSecond(config, place, owners) : Rules.Missing(place);
            if (mistake is not null)
            {
                return mistake;
            }
        }

        return null;
    }

    /// <summary>Which of two entries with one name counts would depend on their order, so a name stands once in the whole config.</summary>
    private static string? FindSecond(MethodConfig config, string place, Dictionary<string, string> owners)
    {
        for (int i = 0; i < config.Names.Count; i++)
        {
            string name = $"{place}.name[{i}]";
            if (!owners.TryAdd(config.Names[i].Path, name))
            {
                return $"{name}: stands for the same calls as {owners[config.Names[i].Path]}";
            }
        }

        return null;
    }
}
