using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;

namespace MiniGrpc.Conformance.Interop;

/// <content>
/// A server that goes dark: its connections stay, and nothing comes through any more, as when a cable is pulled or a firewall forgets. What
/// was sent there is answered by nobody, not even by its end.
/// </content>
public sealed partial class FailoverTests
{
    /// <summary>
    /// Keepalive finds out, and then the calls are as those of any other connection that was lost. (Hedging alone would save most: round robin
    /// may send every attempt of a call to the one in the dark.)
    /// </summary>
    [Theory, Matrix]
    public async Task With_keepalive_and_a_retry_policy_no_call_fails_when_a_server_goes_dark(IServerPeer peer)
    {
        IReadOnlyCollection<Failure> failures = await GoDarkAsync(peer, MiniClientPeer.ConfigWith(s_retry));
        Assert.Empty(failures);
    }

    [Theory, Matrix]
    public async Task With_keepalive_alone_the_calls_in_the_dark_are_UNAVAILABLE_and_no_others_fail(IServerPeer peer)
    {
        IReadOnlyCollection<Failure> failures = await GoDarkAsync(peer, method: null);
        Assert.All(failures, failure => Assert.True(failure.Status.StatusCode == StatusCode.Unavailable, failure.ToString()));
        Assert.All(failures, failure => Assert.Contains("did not answer a keepalive PING", failure.Status.Detail, StringComparison.Ordinal));
        Assert.InRange(failures.Count, 1, Workers); // each worker has one call at the most
    }

    private static void AskSoon(MiniChannelOptions options)
    {
        options.KeepAlivePingDelay = TimeSpan.FromMilliseconds(500);
        options.KeepAlivePingTimeout = TimeSpan.FromSeconds(2.5);
        options.ConnectTimeout = TimeSpan.FromSeconds(2); // an attempt that began in the dark
    }

    /// <summary>Puts three servers under load, has one go dark, and come back when the others have gone on without it; says which calls have failed.</summary>
    private static async Task<IReadOnlyCollection<Failure>> GoDarkAsync(IServerPeer peer, MethodConfig? method)
    {
        await using Backend one = new(peer);
        await using Backend second = new(new KestrelPeer());
        await using Backend third = new(new MiniServerPeer());
        await Task.WhenAll(one.StartAsync(), second.StartAsync(), third.StartAsync());
        using Relay relay = new(one.Port);
        await using MiniChannel channel = Connect([second.Port, relay.Port, third.Port], method, AskSoon);
        await using Load load = new(channel);
        await one.Served.MoreAsync(Calls).WithinLimit("calls at the one");

        relay.GoDark();
        for (int round = 0; round < Rounds; round++)
        {
            await Task.WhenAll(second.Served.MoreAsync(Calls), third.Served.MoreAsync(Calls)).WithinLimit("calls at the others");
        }

        Task again = one.Served.MoreAsync(Calls);
        relay.Restore(); // its old connections stay dark
        await again.WithinLimit("calls at the one that is back");
        await load.DisposeAsync();
        return load.Failures;
    }

    /// <summary>What stands between a channel and its server, and lets nothing through when it is told to.</summary>
    private sealed class Relay : IDisposable
    {
        private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _over = new();
        private readonly int _port;
        private volatile CancellationTokenSource _light = new();

        public Relay(int port)
        {
            _port = port;
            _listener.Start();
            _ = AcceptAsync();
        }

        public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;

        /// <summary>Connections stay as they are; new ones are taken and lead nowhere.</summary>
        public void GoDark() => _light.Cancel();

        /// <summary>New connections lead to the server again.</summary>
        public void Restore() => _light = new CancellationTokenSource();

        public void Dispose()
        {
            _over.Cancel();
            _listener.Dispose();
        }

        private async Task AcceptAsync()
        {
            try
            {
                while (true)
                {
                    _ = RelayAsync(await _listener.AcceptSocketAsync(_over.Token), _light.Token);
                }
            }
            catch (OperationCanceledException)
            {
                // The test is over.
            }
        }

        private async Task RelayAsync(Socket near, CancellationToken dark)
        {
            using Socket client = near;
            using Socket server = new(SocketType.Stream, ProtocolType.Tcp);
            try
            {
                if (!dark.IsCancellationRequested)
                {
                    await server.ConnectAsync(IPAddress.Loopback, _port, _over.Token);
                    await Task.WhenAny(CopyAsync(client, server, dark), CopyAsync(server, client, dark));
                }

                if (dark.IsCancellationRequested)
                {
                    await Task.Delay(Timeout.Infinite, _over.Token);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // The test is over, or the server has no such connection any more: both are closed.
            }
        }

        /// <summary>Ends when one of them does, or it gets dark: what has been read by then is lost, as on a wire.</summary>
        private static async Task CopyAsync(Socket from, Socket to, CancellationToken dark)
        {
            byte[] octets = new byte[64 * 1024];
            try
            {
                while (await from.ReceiveAsync(octets, dark) is var count and > 0 && !dark.IsCancellationRequested)
                {
                    await to.SendAsync(octets.AsMemory(0, count), dark);
                }
            }
            catch (Exception e) when (e is OperationCanceledException or SocketException)
            {
                // Dark, or one of them has gone.
            }
        }
    }
}
