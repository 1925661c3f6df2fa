using System.IO.Pipelines;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Addresses that take connections and never say a word, until the test ends them.</summary>
internal sealed class SilentServers : IAsyncDisposable
{
    private readonly ITransportListener[] _listeners;

    public SilentServers(Backends backends, params int[] indexes) => _listeners = [.. indexes.Select(index => backends.EndPoint(index).Listen())];

    /// <summary>The next connection at one of them, which may never come.</summary>
    public Task<ITransport?> AcceptAsync(int index) => _listeners[index].AcceptAsync().AsTask();

    /// <summary>The next connection at one of them.</summary>
    public async Task<ITransport> ConnectionAsync(int index) => (await RawPeer.Within(AcceptAsync(index), $"a connection to silent server {index}"))!;

    /// <summary>Completes when the client has closed a connection.</summary>
    public static async Task AssertClosedAsync(ITransport connection)
    {
        async Task ReadToEndAsync()
        {
            while (true)
            {
                ReadResult result = await connection.Input.ReadAsync();
                connection.Input.AdvanceTo(result.Buffer.End);
                if (result.IsCompleted)
                {
                    return;
                }
            }
        }

        try
        {
            await RawPeer.Within(ReadToEndAsync(), "the client to close the connection");
        }
        catch (IOException)
        {
            // Torn down: that is an end, too.
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (ITransportListener listener in _listeners)
        {
            await listener.DisposeAsync();
        }
    }
}
