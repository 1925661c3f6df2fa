using MiniGrpc.Client.Resolving;
using MiniGrpc.Wire.Diagnostics;

namespace MiniGrpc.Client.Diagnostics;

/// <summary>What metrics and spans say of all calls of one method on one channel.</summary>
/// <remarks>Immutable; made when somebody first listens.</remarks>
internal sealed class CallLabels
{
    /// <summary>The labels of <paramref name="method"/>, <c>/package.Service/Method</c>.</summary>
    public CallLabels(string method, Target target)
    {
        Name = method[1..];
        Method = new(Telemetry.MethodLabel, Name);
        Target = new(Telemetry.TargetLabel, target.Text);
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
