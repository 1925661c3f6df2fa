using System.Net.Sockets;
using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Row 13: more connections than there is room for, in the server or in the system (CVE-2023-4785).</summary>
public class ConnectionFloods
{
    [Fact]
    public async Task Connections_over_the_limit_are_closed_at_once()
    {
        await using var server = new TestServer(options => options.MaxConnections = 2);
        RawClient first = await server.StartAsync();
        RawClient second = await server.StartAsync();
        for (int i = 0; i < 3; i++)
        {
            await server.Connect().ExpectEndAsync();
        }

        Assert.Single(server.Log.Lines, line => line.Contains("MaxConnections", StringComparison.Ordinal));
        await first.AssertWorksAsync(1);
        await second.DisposeAsync();
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(server.Core).Length == 1, "the second connection to be forgotten");
        RawClient next = await server.StartAsync();
        await next.AssertWorksAsync(1);
    }

    /// <summary>A logger may be slow, and ask the server something from another thread.</summary>
    [Fact]
    public async Task That_the_limit_is_reached_is_logged_under_no_lock()
    {
        await using var server = new TestServer(options => options.MaxConnections = 1);
        bool? isFree = null;
        server.OnLogged = line =>
        {
            if (line.Contains("MaxConnections", StringComparison.Ordinal))
            {
                isFree = Task.Run(() => Internals.ConnectionsOf(server.Core)).Wait(RawPeer.Patience);
            }
        };
        await server.StartAsync();
        await server.Connect().ExpectEndAsync();
        Assert.True(isFree, "the server's connections could not be looked at while it logged");
    }

    /// <summary>Otherwise each of them would be remembered for ever by the clock of its keepalive.</summary>
    [Fact]
    public async Task Connections_over_the_limit_leave_no_timer()
    {
        var time = new TimerCount();
        await using var server = new TestServer(options =>
        {
            options.MaxConnections = 1;
            options.TimeProvider = time;
        });
        RawClient first = await server.StartAsync();
        await first.RoundTripAsync();
        int before = time.Count;
        for (int i = 0; i < 3; i++)
        {
            await server.Connect().ExpectEndAsync();
        }

        Assert.Equal(before, time.Count);
    }

    /// <summary>The loop waits longer and longer while the system has no file handles, says so once, and goes on when it has.</summary>
    [Fact]
    public async Task Accepting_survives_a_system_without_file_handles()
    {
        var time = new FakeTimeProvider();
        await using var server = new TestServer(options => options.TimeProvider = time);
        await using var listener = new ScriptedListener();
        Task loop = AcceptLoop.RunAsync(listener, server.Core);
        for (int attempt = 1; attempt <= 20; attempt++)
        {
            listener.Fail();
            await Eventually.IsTrueAsync(() => listener.Attempts == attempt, "the next attempt");
            await Eventually.IsTrueAsync(
                () =>
                {
                    time.Advance(TimeSpan.FromSeconds(1));
                    return listener.Attempts > attempt || listener.IsWaiting;
                },
                "the loop to try again");
        }

        Assert.Single(server.Log.Lines, line => line.Contains("Can't accept", StringComparison.Ordinal));
        (ITransport client, ITransport accepted) = OverTls.Wrap(MemoryTransport.CreatePair("late"));
        listener.Give(accepted);
        await using var raw = new RawClient(client);
        await raw.StartAsync();
        await raw.AssertWorksAsync(1);
        listener.Close();
        await RawPeer.Within(loop, "the loop to end");
    }

    /// <summary>Gives what the test tells it to.</summary>
    private sealed class ScriptedListener : ITransportListener
    {
        private readonly Channel<ITransport?> _peers = Channel.CreateUnbounded<ITransport?>();
        private int _attempts;
        private int _waiting;

        public string Address => "scripted";

        public int Attempts => Volatile.Read(ref _attempts);

        public bool IsWaiting => Volatile.Read(ref _waiting) != 0;

        public void Fail() => _peers.Writer.TryWrite(null);

        public void Give(ITransport peer) => _peers.Writer.TryWrite(peer);

        public async ValueTask<ITransport?> AcceptAsync()
        {
            Volatile.Write(ref _waiting, 1);
            bool more = await _peers.Reader.WaitToReadAsync();
            Volatile.Write(ref _waiting, 0);
            if (!more)
            {
                return null;
            }

            _peers.Reader.TryRead(out ITransport? peer);
            if (peer is null)
            {
                Interlocked.Increment(ref _attempts);
                throw new SocketException((int)SocketError.TooManyOpenSockets);
            }

            return peer;
        }

        public void Close() => _peers.Writer.TryComplete();

        public ValueTask DisposeAsync()
        {
            Close();
            return ValueTask.CompletedTask;
        }
    }
}
