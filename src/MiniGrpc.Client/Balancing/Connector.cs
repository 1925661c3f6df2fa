using System.Net;
using System.Net.Sockets;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Client.Balancing;

/// <summary>Connects to an address, or says in one sentence why that failed.</summary>
internal static class Connector
{
    /// <summary>Connects within the channel's timeout.</summary>
    /// <exception cref="IOException">It failed; the message is what users are told.</exception>
    public static async Task<ITransport> ConnectAsync(EndPoint endPoint, MiniChannelOptions options, TimeSpan userTimeout, CancellationToken closing)
    {
        if (endPoint is MemoryEndPoint memory)
        {
            return memory.Connect();
        }

        using var timeout = new CancellationTokenSource(options.ConnectTimeout, options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, closing);
        try
        {
            return options.Connect is { } connect
                ? await connect(either.Token).ConfigureAwait(false)
                : await SocketTransport.ConnectAsync(endPoint, userTimeout, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e)
        {
            string cause = closing.IsCancellationRequested ? "was cancelled" : $"took longer than {options.ConnectTimeout.TotalSeconds:0.###} s";
            throw new IOException($"connecting to {Addresses.Format(endPoint)} {cause}", e);
        }
        catch (SocketException e)
        {
            throw new IOException($"can't connect to {Addresses.Format(endPoint)}: {Explain(e)}", e);
        }
    }

    private static string Explain(SocketException e) => e.SocketErrorCode switch
    {
        SocketError.ConnectionRefused => "connection refused; is the server running?",
        SocketError.HostNotFound or SocketError.NoData => "no such host",
        SocketError.AddressNotAvailable => "no such socket",
        _ => e.Message,
    };
}
