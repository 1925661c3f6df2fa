using Grpc.Core;
using Grpc.Core.Interceptors;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A real server without a listener: connections are handed to it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly List<RawClient> _clients = [];

    public TestServer(
        Action<GrpcServerOptions>? configure = null, IReadOnlyList<Interceptor>? interceptors = null, params IEnumerable<ServerServiceDefinition> more)
    {
        // PING is how the raw peers take a round trip.
        var options = new GrpcServerOptions { AbuseLimits = new AbuseLimits { PingStrikes = int.MaxValue } };
        configure?.Invoke(options);
        Log = new LogLines(line => OnLogged?.Invoke(line));
        Core = new ServerCore(options, new MethodTable([Service.Bind(), .. more], interceptors ?? []), Log);
    }

    public TestService Service { get; } = new();

    public ServerCore Core { get; }

    public LogLines Log { get; }

    /// <summary>Is run with each line that is logged, by who logs it.</summary>
    public Action<string>? OnLogged { get; set; }

    /// <summary>What the connections held at the end of the last one that was measured; null for none.</summary>
    public Held? HeldAtTheEnd { get; private set; }

    /// <summary>From now on, what the connections hold is measured when a peer breaks the protocol. All others must be idle then.</summary>
    public void MeasureAtTheEnd() => OnLogged = line =>
    {
        if (Held.IsMeasuredAt(line))
        {
            HeldAtTheEnd = Held.By(Internals.ConnectionsOf(Core));
        }
    };

    /// <summary>Connects a client that says nothing yet.</summary>
    public RawClient Connect()
    {
        (ITransport Client, ITransport Server) below = MemoryTransport.CreatePair("test");
        (ITransport client, ITransport server) = OverTls.Wrap(below);
        Core.Serve(server);
        var raw = new RawClient(client, below.Client);
        _clients.Add(raw);
        return raw;
    }

    /// <summary>Connects a client and lets it and the server exchange their SETTINGS.</summary>
    public async Task<RawClient> StartAsync(params (SettingId Id, uint Value)[] settings)
    {
        RawClient client = Connect();
        await client.StartAsync(settings);
        return client;
    }

    /// <summary>Waits for the handlers to return, and asserts that nothing is left of any call.</summary>
    public async Task AssertQuietAsync(RawClient client)
    {
        await Eventually.IsTrueAsync(() => Core.RunningCalls == 0, "the handlers to return");
        await client.RoundTripAsync();
        Http2Connection connection = Assert.Single(Internals.ConnectionsOf(Core));
        Internals.AssertQuiet(connection);
        Assert.Equal(client.ConnectionCredit, Internals.ReceiveCreditOf(connection));
        Assert.DoesNotContain(Service.Calls, Internals.HoldsMemory);
    }

    /// <summary>Closes the clients' ends, and asserts that the connections end and nothing is left of any call.</summary>
    public async Task AssertEndedAsync()
    {
        await DisposeClientsAsync();
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(Core).Length == 0, "the connection to be forgotten");
        await Eventually.IsTrueAsync(() => Core.RunningCalls == 0, "the handlers to return");
        Assert.DoesNotContain(Service.Calls, Internals.HoldsMemory);
    }

    public async ValueTask DisposeAsync()
    {
        await DisposeClientsAsync();
        Core.Abort("the test is over");
        await RawPeer.Within(Core.Drained, "the server to end");
    }

    private async Task DisposeClientsAsync()
    {
        foreach (RawClient client in _clients)
        {
            await client.DisposeAsync();
        }
    }
}

/// <summary>Keeps what is logged, and passes each line on to whoever wants to act on it.</summary>
internal sealed class LogLines(Action<string>? onLine = null) : ILogger
{
    private readonly List<string> _lines = [];
    private readonly Changes _added = new();

    /// <summary>For options that take a factory: all its loggers are this one.</summary>
    public ILoggerFactory Factory => new LogFactory(this);

    public string[] Lines
    {
        get
        {
            lock (_lines)
            {
                return [.. _lines];
            }
        }
    }

    public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        string line = $"{logLevel}: {formatter(state, exception)}";
        lock (_lines)
        {
            _lines.Add(line);
        }

        _added.Tell();
        onLine?.Invoke(line);
    }

    /// <summary>Waits until there is such a line.</summary>
    public async Task<string> FindAsync(Predicate<string> isIt, string what)
    {
        string? found = null;
        await _added.UntilAsync(() => (found = Array.Find(Lines, isIt)) is not null, what);
        return found!;
    }

    public bool IsEnabled(LogLevel logLevel) => true;

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    private sealed class LogFactory(LogLines log) : ILoggerFactory
    {
        public ILogger CreateLogger(string categoryName) => log;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public void Dispose()
        {
            // It holds nothing.
        }
    }
}

/// <summary>Waits for what other threads bring about and don't announce.</summary>
internal static class Eventually
{
    /// <summary>Waits until nobody holds an object any more.</summary>
    public static Task IsCollectedAsync(WeakReference reference, string what) => IsTrueAsync(
        () =>
        {
            GC.Collect();
            return !reference.IsAlive;
        },
        $"{what} to be collected");

    /// <summary>Waits until so many calls wait for a connection or a stream. When there may be one, those that wait are taken out for a moment and tried.</summary>
    public static Task CallsWaitAsync(MiniChannel channel, int calls) => IsTrueAsync(() => channel.Core.Router.WaitingCalls == calls, $"{calls} calls to wait");

    /// <summary>It looks again and again: such states are counters and lists of the engine, and a signal at each would be product code for tests alone.</summary>
    public static async Task IsTrueAsync(Func<bool> condition, string what)
    {
        long start = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < RawPeer.Patience, $"Waited {RawPeer.Patience.TotalSeconds} s in vain for {what}.");
            await Task.Delay(1, TestContext.Current.CancellationToken);
        }
    }

    /// <summary>Lets second after second pass until it is so: an engine that is just setting an alarm misses one of them at most.</summary>
    public static Task IsTrueInTimeAsync(FakeTimeProvider time, Func<bool> condition, string what) => IsTrueAsync(
        () =>
        {
            time.Advance(TimeSpan.FromSeconds(1));
            return condition();
        },
        what);

    /// <summary>Waits until a token is cancelled.</summary>
    public static async Task IsCancelledAsync(string what, CancellationToken token)
    {
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using (token.Register(cancelled.SetResult))
        {
            await RawPeer.Within(cancelled.Task, what);
        }
    }
}
