using Grpc.Core;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>An implementation of gRPC that can serve.</summary>
public interface IServerPeer
{
    string Name { get; }

    /// <summary>The entry that a handler adds to the response headers so that its messages leave compressed with gzip.</summary>
    Metadata.Entry GzipResponses => new("grpc-internal-encoding-request", "gzip");

    /// <summary>Response headers and trailers with an empty value are not sent. A shortcoming that tests make allowance for.</summary>
    bool DropsEmptyMetadata => false;

    /// <summary>Names of services and methods are found in any case. A shortcoming that tests make allowance for.</summary>
    bool IgnoresCaseOfPaths => false;

    /// <summary>The text of an exception that a handler throws reaches the client. A shortcoming that tests make allowance for.</summary>
    bool TellsTextOfExceptions => false;

    /// <summary>Binary metadata joined with commas by the client is refused. A shortcoming that tests make allowance for.</summary>
    bool RefusesJoinedBinaryMetadata => false;

    /// <summary>Binary metadata under a repeated key is refused in any form. A shortcoming that tests make allowance for.</summary>
    bool RefusesRepeatedBinaryMetadata => false;

    Task<IRunningServer> StartAsync(ServerSetup setup);
}

/// <summary>A server that accepts connections until it is disposed, which ends running calls.</summary>
public interface IRunningServer : IAsyncDisposable
{
    ServerAddress Address { get; }
}

/// <summary>What a server is to serve, and how. What is not set stays at the peer's default.</summary>
public sealed record ServerSetup
{
    public required IReadOnlyList<ServerServiceDefinition> Services { get; init; }

    public Transport Transport { get; init; } = Transport.Tcp;

    /// <summary>With <see cref="Transport.Tls"/>: only clients with a certificate of the tests' authority are served.</summary>
    public bool RequiresClientCertificate { get; init; }

    /// <summary>With <see cref="Transport.Tcp"/> and <see cref="Transport.Tls"/>: the port on 127.0.0.1; 0 lets the system choose.</summary>
    public int Port { get; init; }

    /// <summary>Bytes, per message.</summary>
    public int? MaxReceiveMessageSize { get; init; }

    /// <summary>Bytes, per message.</summary>
    public int? MaxSendMessageSize { get; init; }

    /// <summary>SETTINGS_MAX_CONCURRENT_STREAMS.</summary>
    public int? MaxConcurrentStreams { get; init; }
}
