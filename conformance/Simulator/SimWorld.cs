using System.Net;

using MiniGrpc.Client;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>
/// One run: servers, a channel and its calls over simulated connections, on one thread and a clock of its own. Everything
/// that could go one way or another is drawn from the seed, so the same seed gives the same run.
/// </summary>
internal sealed class SimWorld
{
    /// <summary>More than any run takes that gets on; the longest take some hundred thousand.</summary>
    private const int MostSteps = 20_000_000;

    /// <summary>Longer than every patience in a run: what has not ended by then never will.</summary>
    private static readonly TimeSpan s_longest = TimeSpan.FromHours(1);

    private readonly int _thread = Environment.CurrentManagedThreadId;

    public SimWorld(long seed, bool keepsTrace, bool reusesStreams)
    {
        Seed = seed;
        ReusesStreams = reusesStreams;
        Random = new SimRandom((ulong)seed);
        Trace = new SimTrace(keepsTrace);
        Swarm = new Swarm(Random);
        Time = new SimTime(this);
        Loop = new SimLoop(this, Swarm.Order, Swarm.StarvedKind);
        Network = new SimNetwork(this);
        Servers = new SimServers(this);
        Service = new SimService(this);
        Pool = new PoolAccount(this);
        Calls = [.. Enumerable.Range(0, Swarm.Calls).Select(number => new CallRecord(new CallPlan(number, Random, Swarm)))];
        Channel = CreateChannel();
    }

    public long Seed { get; }

    /// <summary>Whether streams serve one call after the other, which must make no difference to anything.</summary>
    public bool ReusesStreams { get; }

    public SimRandom Random { get; }

    public SimTrace Trace { get; }

    public Swarm Swarm { get; }

    public SimTime Time { get; }

    public SimLoop Loop { get; }

    public SimNetwork Network { get; }

    public SimServers Servers { get; }

    public SimService Service { get; }

    public PoolAccount Pool { get; }

    public CallRecord[] Calls { get; }

    public MiniChannel Channel { get; }

    /// <summary>What went wrong first; null while nothing has.</summary>
    public string? Failure { get; private set; }

    /// <summary>Whether anything has happened that may cost a call its connection.</summary>
    public bool HasTrouble { get; private set; }

    /// <summary>How many calls have succeeded on their second stream, requests and all.</summary>
    public int SentAgain { get; set; }

    /// <summary>Whether a server was ever asked to stop gracefully.</summary>
    public bool IsShuttingDown { get; set; }

    /// <summary>The channel's <see cref="MiniChannel.DisposeAsync"/>, once it was called.</summary>
    public Task? ChannelClosing { get; private set; }

    public bool ChannelIsClosed => ChannelClosing is not null;

    /// <summary>Whether the run is being brought to its end.</summary>
    public bool IsClosing { get; private set; }

    /// <summary>Runs it.</summary>
    public void Run()
    {
        PoolAccount.ReleaseThreadsOwn();
        BytePool.Watch = Pool;
        try
        {
            Servers.Start();
            foreach (CallRecord call in Calls)
            {
                _ = new SimCaller(this, call, Channel).RunAsync();
            }

            if (Swarm.Trouble.ClosesChannel)
            {
                Time.After(Random.UpTo(Swarm.Span * 2), CloseChannel);
            }

            Settle();
            Check(Quiet.CheckOpen);
            Close();
            Settle();
            Check(Quiet.CheckClosed);
        }
        finally
        {
            BytePool.Watch = null;
        }
    }

    /// <summary>Waits on the run's clock.</summary>
    public Task DelayAsync(TimeSpan wait)
    {
        CheckThread("a wait began");
        var over = new TaskCompletionSource();
        Time.After(wait, over.SetResult);
        return over.Task;
    }

    /// <summary>Notes an event.</summary>
    public void Note(string what, long first = 0, long second = 0) => Trace.Add(Time.Ticks, what, first, second);

    /// <summary>Adds a line to the trace's text.</summary>
    public void Say(string text) => Trace.AddLine(Time.Ticks, text);

    /// <summary>Notes that from here on calls may lose their connections.</summary>
    public void NoteTrouble(string what)
    {
        HasTrouble = true;
        Note(what);
    }

    /// <summary>Fails the run. The first failure counts.</summary>
    public void Fail(string why)
    {
        if (Failure is null)
        {
            Failure = why;
            Note("FAILED");
        }
    }

    /// <summary>Fails the run when something happens on another thread than the run's.</summary>
    public void CheckThread(string what)
    {
        if (Environment.CurrentManagedThreadId != _thread)
        {
            Fail($"{what} on another thread: {Environment.StackTrace}");
        }
    }

    private void Settle()
    {
        long end = Time.Ticks + s_longest.Ticks;
        for (int step = 0; Failure is null; step++)
        {
            if (step > MostSteps)
            {
                Fail($"the run doesn't come to an end in {MostSteps} steps");
            }
            else if (Loop.HasWork)
            {
                if (Swarm.SlowThreadsOneIn > 0 && Random.OneIn(Swarm.SlowThreadsOneIn))
                {
                    Time.AdvanceTo(Time.Ticks + Random.UpTo(10).Ticks);
                }

                Loop.RunOne();
            }
            else if (Time.NextDue() is { } due && due <= end)
            {
                Time.AdvanceTo(due);
            }
            else
            {
                return;
            }
        }
    }

    private void Check(Action<SimWorld> check)
    {
        if (Failure is null)
        {
            check(this);
        }
    }

    private void Close()
    {
        IsClosing = true;
        bool gracefully = Random.OneIn(2);
        Time.After(Random.UpTo(10), () =>
        {
            Servers.Stop(gracefully);
            if (!gracefully)
            {
                Array.ForEach([.. Servers.All], core => core.Abort("the run is over"));
            }
        });
        Time.After(Random.UpTo(10), CloseChannel);
    }

    private void CloseChannel()
    {
        if (!ChannelIsClosed)
        {
            Note("close");
            ChannelClosing = Task.CompletedTask; // for those who look while it is being closed
            ChannelClosing = Channel.DisposeAsync().AsTask();
        }
    }

    private MiniChannel CreateChannel()
    {
        var options = new MiniChannelOptions
        {
            TimeProvider = Time,
            MaxReceiveMessageSize = Swarm.ClientMaxMessage ?? 4 * 1024 * 1024,
            WireTrace = Trace.KeepsLines ? frame => Say($"client {frame}") : null,
            AbuseLimits = Swarm.ClientLimits.Abuse,
            Connection = new ConnectionOptions { Dispatcher = Loop, Limits = Swarm.ClientLimits, ReusesStreams = ReusesStreams },
            Connect = Network.ConnectAsync,
            IdleTimeout = Swarm.IdleTimeout is { } idle ? TimeSpan.FromMilliseconds(idle) : TimeSpan.FromMinutes(30),
            MaxConnectionsPerAddress = Swarm.MaxConnectionsPerAddress,
            Random = new SimSystemRandom(Random),
        };
        if (Swarm.HasCompression)
        {
            options.CompressionProviders.Add(new GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest));
        }

        return MiniChannel.ForEndPoint(new IPEndPoint(IPAddress.Loopback, 1), options);
    }
}
