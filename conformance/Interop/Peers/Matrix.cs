namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>
/// Who is tested with whom. <b>This is the one place where a peer is added</b>: its class in this folder, a line in
/// <see cref="Servers"/> or <see cref="Clients"/>, and its pairs in <see cref="Pairs"/>. What is not in the list is not tested.
/// </summary>
internal static class Matrix
{
    private static readonly IServerPeer s_miniServer = new MiniServerPeer();
    private static readonly IClientPeer s_miniClient = new MiniClientPeer();
    private static readonly IServerPeer s_kestrel = new KestrelPeer();
    private static readonly IServerPeer s_python = new PythonServerPeer();
    private static readonly IClientPeer s_grpcNetClient = new GrpcNetClientPeer();

    /// <summary>Every server, each of which also serves clients of other languages.</summary>
    public static IReadOnlyList<IServerPeer> Servers { get; } = [s_kestrel, s_miniServer];

    /// <summary>Every client, each of which also calls servers of other languages.</summary>
    public static IReadOnlyList<IClientPeer> Clients { get; } = [s_grpcNetClient, s_miniClient];

    /// <summary>
    /// The pairs that every test of this project runs over: both peers are in the test's process. The official peers among themselves
    /// show that a test asks for what is right; over plaintext alone, since TLS between them says nothing of ours.
    /// </summary>
    public static IReadOnlyList<Pair> Pairs { get; } =
    [
        new(s_grpcNetClient, s_kestrel, Transport.Tcp),
        new(s_grpcNetClient, s_miniServer, Transport.Tcp),
        new(s_grpcNetClient, s_miniServer, Transport.Tls),
        new(s_miniClient, s_kestrel, Transport.Tcp),
        new(s_miniClient, s_kestrel, Transport.Tls),
        new(s_miniClient, s_miniServer, Transport.Tcp),
        new(s_miniClient, s_miniServer, Transport.Tls),
        new(s_miniClient, s_miniServer, Transport.UnixSocket),
        new(s_miniClient, s_miniServer, Transport.InMemory),
    ];

    /// <summary>Every client with each server in another process, for tests that look at the client's side only.</summary>
    public static IReadOnlyList<Pair> PairsAcrossProcesses { get; } =
    [
        .. Clients.Select(client => new Pair(client, s_python, Transport.Tcp)),
        new Pair(s_miniClient, s_python, Transport.Tls),
    ];
}
