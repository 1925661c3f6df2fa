using System.Text.Json;
using Grpc.Core;

namespace MiniGrpc.Conformance.Interop.Auth;

/// <summary>Answers who the server takes its client for, and with what metadata the call came, as JSON: the same on servers of every kind.</summary>
internal static class WhoService
{
    private static readonly Marshaller<byte[]> s_octets = Marshallers.Create(octets => octets, octets => octets);

    public static Method<byte[], byte[]> Method { get; } = new(MethodType.Unary, "auth.Auth", "Who", s_octets, s_octets);

    public static ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Method, new UnaryServerMethod<byte[], byte[]>(AnswerAsync))
        .Build();

    private static Task<byte[]> AnswerAsync(byte[] request, ServerCallContext context) => Task.FromResult(JsonSerializer.SerializeToUtf8Bytes(Of(context)));

    private static Who Of(ServerCallContext context) => new(
        context.AuthContext.IsPeerAuthenticated,
        context.AuthContext.PeerIdentityPropertyName,
        Group(context.AuthContext.Properties.Select(property => (property.Name, property.Value))),
        Group(context.RequestHeaders.Where(entry => !entry.IsBinary).Select(entry => (entry.Key, entry.Value))));

    private static Dictionary<string, string[]> Group(IEnumerable<(string Name, string Value)> entries) =>
        entries.GroupBy(entry => entry.Name, entry => entry.Value).ToDictionary(group => group.Key, group => group.ToArray());
}

/// <summary>What a server knows of its client.</summary>
/// <param name="IsAuthenticated">Whether the client has proved who it is.</param>
/// <param name="IdentityProperty">The name of the properties that say who.</param>
/// <param name="Properties">What the connection says of the client.</param>
/// <param name="Metadata">What the call says.</param>
internal sealed record Who(bool IsAuthenticated, string? IdentityProperty, Dictionary<string, string[]> Properties, Dictionary<string, string[]> Metadata)
{
    public string[] Property(string name) => Properties.GetValueOrDefault(name, []);

    /// <summary>The values of a key; HttpClient joins those of repeated keys.</summary>
    public string[] Values(string key) => [.. Metadata.GetValueOrDefault(key, []).SelectMany(value => value.Split([", ", ","], StringSplitOptions.None))];
}
