using System.Security.Cryptography.X509Certificates;
using Grpc.Core;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>An implementation of gRPC that can call.</summary>
public interface IClientPeer
{
    string Name { get; }

    /// <summary>Values of a repeated key are sent as one field, joined with commas, as RFC 9110 section 5.2 permits.</summary>
    bool JoinsRepeatedMetadata => false;

    /// <summary>
    /// With what other codes than the call's own a pending read may fail when the client ends the call (by cancelling, by its deadline,
    /// by disposing). A shortcoming that tests make allowance for.
    /// </summary>
    IReadOnlyList<StatusCode> OtherCodesOfReadsEndedByClient => [];

    /// <summary>
    /// A call's credentials are asked before the channel's, and once more when those are composed of several. A shortcoming that tests
    /// make allowance for.
    /// </summary>
    bool AsksCallCredentialsTwice => false;

    /// <summary>The same options for a call whose request messages are sent compressed with gzip.</summary>
    CallOptions WithGzipRequests(CallOptions options)
    {
        Metadata headers = [new Metadata.Entry("grpc-internal-encoding-request", "gzip")];
        foreach (Metadata.Entry entry in options.Headers ?? [])
        {
            headers.Add(entry);
        }

        return options.WithHeaders(headers);
    }

    /// <summary>A channel that makes all its calls on one connection.</summary>
    IClientChannel Connect(ServerAddress address, ClientSetup setup);
}

/// <summary>A channel, whatever way the peer has to dispose of it.</summary>
public interface IClientChannel : IAsyncDisposable
{
    ChannelBase Channel { get; }
}

/// <summary>How a client is set up. What is not set stays at the peer's default.</summary>
public sealed record ClientSetup
{
    public static ClientSetup Default { get; } = new();

    /// <summary>Bytes, per message.</summary>
    public int? MaxReceiveMessageSize { get; init; }

    /// <summary>Bytes, per message.</summary>
    public int? MaxSendMessageSize { get; init; }

    /// <summary>How calls of all methods are tried again.</summary>
    public RetrySetup? Retry { get; init; }

    /// <summary>With <see cref="Transport.Tls"/>: the certificate that the client shows.</summary>
    public X509Certificate2? Certificate { get; init; }

    /// <summary>With <see cref="Transport.Tls"/>: what goes with every call of the channel.</summary>
    public CallCredentials? CallCredentials { get; init; }
}

/// <summary>How calls that fail with UNAVAILABLE are tried again.</summary>
/// <param name="MaxAttempts">The first attempt included.</param>
/// <param name="Backoff">The wait before each further one.</param>
public sealed record RetrySetup(int MaxAttempts, TimeSpan Backoff);
