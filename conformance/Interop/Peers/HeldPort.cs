using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>
/// A port that nobody else is given for as long as this object lives, whether a server listens on it or not: a socket that is bound
/// to it and doesn't listen keeps the system from handing it out. Whoever asks for this very port may listen on it.
/// </summary>
internal sealed class HeldPort : IDisposable
{
    private readonly Socket _holder = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);

    public HeldPort() => _holder.Bind(new IPEndPoint(IPAddress.Loopback, 0));

    public int Number => ((IPEndPoint)_holder.LocalEndPoint!).Port;

    public void Dispose() => _holder.Dispose();
}
