namespace MiniGrpc.Client.Configuration;

/// <summary>
/// What a service config says, by method. The most specific name counts, and it alone: nothing is put together from several
/// entries (service_config.proto, MethodConfig.Name).
/// <code>
/// /greeter.Greeter/SayHello   1. a name with this service and method   filed under "/greeter.Greeter/SayHello"
///                             2. a name with this service alone        filed under "/greeter.Greeter/"
///                             3. the empty name                        filed under ""
/// </code>
/// </summary>
/// <remarks>Immutable, and thus shared by all calls.</remarks>
internal sealed class MethodConfigTable
{
    /// <summary>The most attempts a config is granted. It may come by DNS, from strangers, so that the client has a limit of its own (gRFC A6).</summary>
    public const int DefaultMaxAttempts = 5;

    private readonly Dictionary<string, MethodParameters> _byPath = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MethodParameters>.AlternateLookup<ReadOnlySpan<char>> _byPathPrefix;
    private readonly MethodParameters _default;

    /// <summary>Takes what <paramref name="config"/> says now; later changes of it have no effect.</summary>
    /// <param name="config">The config.</param>
    /// <param name="maxAttempts">The client's own limit on attempts, at least 1: policies with more get as many as this.</param>
    /// <exception cref="InvalidOperationException">The config breaks a rule; the message says which and where.</exception>
    public MethodConfigTable(ServiceConfig config, int maxAttempts = DefaultMaxAttempts)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(maxAttempts, 1);
        if (config.FindMistake() is { } mistake)
        {
            throw new InvalidOperationException($"ServiceConfig: {mistake}.");
        }

        foreach (MethodConfig methodConfig in config.MethodConfigs)
        {
            var parameters = new MethodParameters(methodConfig, maxAttempts);
            foreach (MethodName name in methodConfig.Names)
            {
                _byPath.Add(name.Path, parameters);
            }
        }

        _byPathPrefix = _byPath.GetAlternateLookup<ReadOnlySpan<char>>();
        _default = _byPath.Remove("", out MethodParameters? forAll) ? forAll : MethodParameters.None;
    }

    /// <summary>Of a channel without a service config.</summary>
    public static MethodConfigTable Empty { get; } = new(new ServiceConfig());

    /// <summary>What holds for calls of <paramref name="path"/>, "/service/method". A service may have slashes in its name, a method has none.</summary>
    public MethodParameters Find(string path)
    {
        if (_byPath.Count == 0)
        {
            return _default;
        }

        return _byPath.TryGetValue(path, out MethodParameters? found)
            || _byPathPrefix.TryGetValue(path.AsSpan(0, path.LastIndexOf('/') + 1), out found) ? found : _default;
    }
}
