namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>Where a server listens.</summary>
/// <param name="Transport">What carries the bytes.</param>
/// <param name="Uri"><c>http://127.0.0.1:port</c>, <c>https://127.0.0.1:port</c>, <c>unix:///path</c>, or a name of the peer's own for <see cref="Transport.InMemory"/>.</param>
/// <param name="InMemory">With <see cref="Transport.InMemory"/>: whatever the client peer needs to reach the server.</param>
public sealed record ServerAddress(Transport Transport, string Uri, object? InMemory = null)
{
    public static ServerAddress Tcp(int port) => OnPort(Transport.Tcp, port);

    /// <summary>A port of 127.0.0.1, with TLS or without.</summary>
    public static ServerAddress OnPort(Transport transport, int port) =>
        new(transport, $"{(transport == Transport.Tls ? "https" : "http")}://127.0.0.1:{port}");

    public int Port => new Uri(Uri).Port;

    public override string ToString() => Uri;
}
