namespace MiniGrpc.Wire.Transport;

/// <summary>Why a transport could not be made ready (<see cref="ITransport.OpenAsync"/>).</summary>
/// <param name="Kind">What can be done about it.</param>
/// <param name="Reason">One sentence, for logs and for the status of calls.</param>
/// <param name="Exception">What the system said, if it said something.</param>
internal sealed record TransportFailure(TransportFailureKind Kind, string Reason, Exception? Exception = null);

/// <summary>What is left to do with a transport that could not be made ready.</summary>
internal enum TransportFailureKind
{
    /// <summary>Nothing: the transport is broken, or the ends don't agree.</summary>
    Failed,

    /// <summary>The peer speaks plaintext where TLS was expected; what it says can be read and answered.</summary>
    NotTls,

    /// <summary>It works, but is not as secure as HTTP/2 asks for (RFC 9113 section 9.2.2): the peer can be told so.</summary>
    Inadequate,
}
