namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>What carries the bytes between a client and a server.</summary>
public enum Transport
{
    /// <summary>HTTP/2 with prior knowledge, in plaintext, on 127.0.0.1.</summary>
    Tcp,

    /// <summary>HTTP/2 over TLS on 127.0.0.1, with the certificates of the tests' own authority.</summary>
    Tls,

    /// <summary>Plaintext over a Unix domain socket.</summary>
    UnixSocket,

    /// <summary>Plaintext over pipes inside the process.</summary>
    InMemory,
}
