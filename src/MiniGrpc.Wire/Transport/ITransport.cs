using System.IO.Pipelines;

namespace MiniGrpc.Wire.Transport;

/// <summary>
/// An ordered, reliable stream of octets both ways: all that HTTP/2 asks of what is below it (RFC 9113 section 2).
/// </summary>
/// <remarks>
/// One reader (the receive loop) and one writer (the flush loop). <see cref="IDuplexPipe.Output"/> is written with
/// <see cref="PipeWriter.WriteAsync"/>; the memory given to it is free again when that completes.
/// </remarks>
internal interface ITransport : IDuplexPipe, IAsyncDisposable
{
    /// <summary>The peer's address, as gRPC writes addresses: <c>ipv4:127.0.0.1:50051</c>, <c>unix:/tmp/a.sock</c>.</summary>
    string RemoteAddress { get; }

    /// <summary>
    /// What is known of the peer for certain, as name and value, by the names that gRPC gives them
    /// (<c>transport_security_type</c>, <c>x509_common_name</c>, …). Nothing, where the peer proves nothing.
    /// </summary>
    IReadOnlyList<KeyValuePair<string, string>> PeerProperties => [];

    /// <summary>Whether nothing has to be done any more before it carries octets, or was given up.</summary>
    bool IsOpen => true;

    /// <summary>
    /// Makes it ready to carry octets, if that takes more than being connected: the TLS handshake. Null, or why it failed;
    /// then <see cref="IDuplexPipe.Input"/> and <see cref="IDuplexPipe.Output"/> may still be used to end it in good order.
    /// </summary>
    ValueTask<TransportFailure?> OpenAsync() => default;

    /// <summary>
    /// Completes when there is something to read that was not examined (or the end of it), holding no buffer meanwhile. Whoever
    /// doesn't read then may ask again.
    /// </summary>
    ValueTask WaitForInputAsync();

    /// <summary>Tears the connection down at once: reads and writes under way end with an exception.</summary>
    void Abort();
}

/// <summary>Waits for peers.</summary>
internal interface ITransportListener : IAsyncDisposable
{
    /// <summary>The address a client would use; the port is the real one.</summary>
    string Address { get; }

    /// <summary>The next peer, or null when the listener was closed.</summary>
    ValueTask<ITransport?> AcceptAsync();

    /// <summary>Takes no more peers; an accept under way answers null.</summary>
    void Close();
}
