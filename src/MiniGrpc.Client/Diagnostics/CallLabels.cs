using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Resolving;
using MiniGrpc.Wire.Diagnostics;

namespace MiniGrpc.Client.Diagnostics;

/// <summary>What metrics and spans say of all calls of one method on one channel.</summary>
/// <remarks>Immutable; made when somebody first listens.</remarks>
internal sealed class CallLabels
{
    /// <summary>The labels of <paramref name="method"/>, <c>/package.Service/Method</c>. The filters of <paramref name="options"/> are a user's code.</summary>
    public CallLabels(string method, Target target, MiniChannelOptions options, ILogger logger)
    {
        Name = method[1..];
        Method = new(Telemetry.MethodLabel, Filter(options.MethodAttributeFilter, Name, logger));
        Target = new(Telemetry.TargetLabel, Filter(options.TargetAttributeFilter, target.Text, logger));
        SpanAttributes = [.. Telemetry.SpanAttributes(Name), .. ServerOf(target)];
    }

    /// <summary>The name of spans: <c>package.Service/Method</c>.</summary>
    public string Name { get; }

    /// <summary>The method, as a label of metrics.</summary>
    public KeyValuePair<string, object?> Method { get; }

    /// <summary>What the channel was made for, as a label of metrics.</summary>
    public KeyValuePair<string, object?> Target { get; }

    /// <summary>What spans start with.</summary>
    public KeyValuePair<string, object?>[] SpanAttributes { get; }

    /// <summary>The name, or what stands for all that the filter holds back. One that throws lets none through: what is worst would be too many.</summary>
    private static string Filter(Func<string, bool>? filter, string name, ILogger logger)
    {
        bool isNamed = filter is null;
        if (filter is not null)
        {
            Telemetry.Tell(logger, () => isNamed = filter(name));
        }

        return isNamed ? name : Telemetry.Other;
    }

    /// <summary>The server as the channel's target names it, before any name is looked up. What has no port, has none here.</summary>
    private static KeyValuePair<string, object?>[] ServerOf(Target target)
    {
        string scheme = target.Text[..(target.Text.IndexOf(':', StringComparison.Ordinal) + 1)].ToLowerInvariant();
        return scheme switch
        {
            "unix:" => [new("server.address", target.Text[scheme.Length..].Replace("///", "/", StringComparison.Ordinal))],
            "http:" => Telemetry.ServerAttributes(target.Authority, defaultPort: 80),
            "https:" => Telemetry.ServerAttributes(target.Authority, defaultPort: 443),
            _ => Telemetry.ServerAttributes(target.Authority),
        };
    }
}
