namespace MiniGrpc.Client.Balancing.HealthChecking;

/// <summary>The service whose health a channel asks its servers for, as its service config says now.</summary>
/// <remarks>On the channel's serializer.</remarks>
internal sealed class HealthCheckedService
{
    /// <summary>It is another one now. Subchannels that are connected ask for that one from now on.</summary>
    public event Action? Changed;

    /// <summary>The full name; empty for the server as a whole, null for none.</summary>
    public string? Name { get; private set; }

    /// <summary>From now on it is <paramref name="name"/>.</summary>
    public void Set(string? name)
    {
        if (name != Name)
        {
            Name = name;
            Changed?.Invoke();
        }
    }
}
