namespace MiniGrpc.Client.Configuration;

/// <summary>Which calls a <see cref="MethodConfig"/> is for: one method, all methods of a service, or all calls.</summary>
/// <remarks>Immutable.</remarks>
public sealed class MethodName
{
    /// <summary>All calls that no other name is for.</summary>
    public static MethodName Default { get; } = new();

    /// <summary>The service with its package, such as <c>greeter.Greeter</c>. Default null; null and empty are all services.</summary>
    public string? Service { get; init; }

    /// <summary>
    /// The method, such as <c>SayHello</c>. Default null; null and empty are all methods of the service that have no name of
    /// their own.
    /// </summary>
    public string? Method { get; init; }

    /// <summary>What <see cref="MethodConfigTable"/> files it under: "/service/method", "/service/", or "" for all calls.</summary>
    internal string Path => string.IsNullOrEmpty(Service) ? "" : $"/{Service}/{Method}";

    /// <summary>The first rule that is broken; null when all is well.</summary>
    internal string? FindMistake(string place) => string.IsNullOrEmpty(Service) && !string.IsNullOrEmpty(Method)
        ? $"{place}: the method \"{Method}\" has no service" : null;
}
