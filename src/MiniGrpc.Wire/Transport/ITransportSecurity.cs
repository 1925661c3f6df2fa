namespace MiniGrpc.Wire.Transport;

/// <summary>
/// Lays security on top of a transport. All that servers and channels know of TLS: what implements it is an object that
/// the program names, so that one which names none doesn't carry any of it.
/// </summary>
internal interface ITransportSecurity
{
    /// <summary>
    /// What is to be used instead of <paramref name="transport"/>, which has to be opened first. <paramref name="host"/> is
    /// the name under which a client knows the server; null on a server.
    /// </summary>
    ITransport Secure(ITransport transport, string? host = null);
}
