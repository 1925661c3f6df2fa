using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Several servers of one service, each of which answers with its own number, and the resolver that knows them.</summary>
internal sealed class Backends : IAsyncDisposable
{
    private readonly MemoryEndPoint[] _endPoints;
    private readonly GrpcServer?[] _servers;

    public Backends(int count)
    {
        _endPoints = [.. Enumerable.Range(0, count).Select(i => new MemoryEndPoint($"backend {i}"))];
        _servers = new GrpcServer?[count];
        Services = [.. Enumerable.Range(0, count).Select(i => new TestService { Unary = (_, _) => Task.FromResult<byte[]>([(byte)i]) })];
    }

    public TestService[] Services { get; }

    public BalancerAddress[] Addresses => [.. _endPoints.Select(endPoint => new BalancerAddress(endPoint))];

    /// <summary>The health services of the servers that have one.</summary>
    public Dictionary<int, HandHealth> Health { get; } = [];

    public HandResolver Resolver { get; } = new();

    public MemoryEndPoint EndPoint(int index) => _endPoints[index];

    public async Task StartAsync(params int[] indexes)
    {
        foreach (int index in indexes)
        {
            var server = new GrpcServer();
            server.Services.Add(Services[index].Bind());
            if (Health.TryGetValue(index, out HandHealth? health))
            {
                server.Services.Add(health.Bind());
            }

            server.Listen(_endPoints[index]);
            await server.StartAsync();
            _servers[index] = server;
        }
    }

    public async Task StopAsync(int index)
    {
        await _servers[index]!.DisposeAsync();
        _servers[index] = null;
    }

    /// <summary>Without haste: calls under way are waited for.</summary>
    public Task ShutDownAsync(int index) => _servers[index]!.ShutdownAsync();

    /// <summary>A channel to all of them, by the resolver.</summary>
    public MiniChannel Channel(LoadBalancingConfig? policy = null, Action<MiniChannelOptions>? configure = null)
    {
        var options = new MiniChannelOptions { ServiceConfig = new ServiceConfig() };
        if (policy is not null)
        {
            options.ServiceConfig.LoadBalancingConfigs.Add(policy);
        }

        options.ResolverFactories.Add(Resolver);
        configure?.Invoke(options);
        return MiniChannel.ForAddress("hand:///backends", options);
    }

    /// <summary>The number of the server that answers a call.</summary>
    public static async Task<int> AskAsync(MiniChannel channel, CallOptions options = default)
    {
        using AsyncUnaryCall<byte[]> call = channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, options, []);
        return (await RawPeer.Within(call.ResponseAsync, "the response"))[0];
    }

    /// <summary>Who answers the next calls.</summary>
    public static async Task<int[]> AskAsync(MiniChannel channel, int count)
    {
        int[] answers = new int[count];
        for (int i = 0; i < count; i++)
        {
            answers[i] = await AskAsync(channel);
        }

        return answers;
    }

    /// <summary>The channel finds one server, and makes its first call there.</summary>
    public async Task ServeAsync(MiniChannel channel, int index = 0)
    {
        Task<int> first = AskAsync(channel);
        await Resolver.FindAsync(Addresses[index]);
        Assert.Equal(index, await first);
    }

    /// <summary>The channel finds what is of no use: its first call fails.</summary>
    public async Task FindUselessAsync(MiniChannel channel, StatusCode code, string detail, params BalancerAddress[] found)
    {
        Task failed = FailAsync(channel, code, detail);
        await Resolver.FindAsync(found);
        await failed;
    }

    /// <summary>The channel finds a server that takes its connection and drops it: its first call fails.</summary>
    public async Task FindUselessAsync(MiniChannel channel, SilentServers server)
    {
        Task failed = FailAsync(channel, StatusCode.Unavailable, "");
        await Resolver.FindAsync(Addresses[0]);
        (await server.ConnectionAsync(0)).Abort();
        await failed;
    }

    public static Task FailAsync(MiniChannel channel, StatusCode code, string detail) => TestChannel.AssertFailsAsync(
        channel.CreateCallInvoker().AsyncUnaryCall(TestService.UnaryMethod, null, default, []).ResponseAsync, code, detail);

    public async ValueTask DisposeAsync()
    {
        foreach (GrpcServer? server in _servers)
        {
            if (server is not null)
            {
                await server.DisposeAsync();
            }
        }
    }
}

/// <summary>A resolver of one channel that finds what a test says.</summary>
internal sealed class HandResolver : ResolverFactory
{
    private TaskCompletionSource<Action<ResolverResult>> _listener = New();
    private int _refreshes;

    public override string Scheme => "hand";

    /// <summary>How often it was asked to look again.</summary>
    public int Refreshes => Volatile.Read(ref _refreshes);

    /// <summary>What the channel asked for.</summary>
    public Uri? Target { get; private set; }

    public bool IsDisposed { get; private set; }

    public override Resolver Create(ResolverOptions options)
    {
        Target = options.Target;
        return new One(this);
    }

    /// <summary>Tells the channel, as soon as it asks.</summary>
    public async Task FindAsync(ResolverResult result) => (await RawPeer.Within(_listener.Task, "the channel to look for addresses"))(result);

    /// <summary>What tells the channel now will not be listened to any more: the next <see cref="FindAsync(ResolverResult)"/> is for whoever asks next.</summary>
    public Action<ResolverResult> Leave()
    {
        Action<ResolverResult> old = _listener.Task.Result;
        _listener = New();
        return old;
    }

    private static TaskCompletionSource<Action<ResolverResult>> New() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task FindAsync(params BalancerAddress[] addresses) => FindAsync(ResolverResult.ForResult(addresses));

    private sealed class One(HandResolver owner) : Resolver
    {
        public override void Start(Action<ResolverResult> listener) => owner._listener.SetResult(listener);

        public override void Refresh() => Interlocked.Increment(ref owner._refreshes);

        protected override void Dispose(bool disposing)
        {
            owner.IsDisposed = true;
            base.Dispose(disposing);
        }
    }
}
