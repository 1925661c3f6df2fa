using Grpc.Core;

namespace MiniGrpc.Server;

/// <summary>Who the client has proved to be, in the form and by the names that gRPC has for it.</summary>
internal static class PeerIdentity
{
    /// <summary>
    /// Makes the context of what the connection knows of the client. The client is who its certificate's alternative names say
    /// it is, or its common name where there are none, as in Grpc.Core.
    /// </summary>
    public static AuthContext ContextOf(IReadOnlyList<KeyValuePair<string, string>> properties)
    {
        var byName = new Dictionary<string, List<AuthProperty>>();
        foreach ((string name, string value) in properties)
        {
            if (!byName.TryGetValue(name, out List<AuthProperty>? values))
            {
                byName.Add(name, values = []);
            }

            values.Add(AuthProperty.Create(name, System.Text.Encoding.UTF8.GetBytes(value)));
        }

        string? identity = byName.ContainsKey("x509_subject_alternative_name") ? "x509_subject_alternative_name"
            : byName.ContainsKey("x509_common_name") ? "x509_common_name"
            : null;
        return new AuthContext(identity, byName);
    }
}
