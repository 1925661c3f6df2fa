using System.Net;

using MiniGrpc.Server;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.InteropServer.Http2;

/// <summary>Serves one negative HTTP/2 case on a port, over TLS if there is a certificate for it.</summary>
internal sealed class Http2CaseServer : IAsyncDisposable
{
    private readonly Http2Case _case;
    private readonly SocketListener _listener;
    private readonly ITransportSecurity? _tls;
    private readonly Task _accepting;

    public Http2CaseServer(Http2Case test, IPAddress address, int port, ServerTls? tls = null)
    {
        _case = test;
        _tls = tls;
        _listener = new SocketListener(new IPEndPoint(address, port), Timeout.InfiniteTimeSpan);
        _accepting = AcceptAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndPoint).Port;

    public async ValueTask DisposeAsync()
    {
        _listener.Close();
        await _accepting;
        await _listener.DisposeAsync();
    }

    private async Task AcceptAsync()
    {
        while (await _listener.AcceptAsync() is { } transport)
        {
            _ = ServeAsync(transport);
        }
    }

    private async Task ServeAsync(ITransport transport)
    {
        try
        {
            await _case.ServeAsync(_tls?.Secure(transport) ?? transport);
        }
        catch (Exception e) when (e is IOException or System.Net.Sockets.SocketException)
        {
            await Console.Error.WriteLineAsync($"A connection broke: {e.Message}");
        }
    }
}
