using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>
/// A channel whose server attacks it, and another channel that must not notice. What every attack has to leave behind is
/// asserted here, as in <see cref="AttackedServer"/>.
/// </summary>
internal sealed class AttackedChannel : IAsyncDisposable
{
    private const int Times = 3;

    private RawServer? _bystandersServer;
    private Held? _heldAtTheEnd;
    private int _nextId = 1;
    private int _bystandersNextId = 1;

    private AttackedChannel(Action<MiniChannelOptions>? configure)
    {
        Log = new LogLines(line => _heldAtTheEnd = Held.IsMeasuredAt(line) ? Held.By(Channel!.Channel.Core.Connections) : _heldAtTheEnd);
        Channel = new TestChannel(options =>
        {
            options.LoggerFactory = Log.Factory;
            configure?.Invoke(options);
        });
    }

    public TestChannel Channel { get; }

    public TestChannel Bystander { get; } = new();

    /// <summary>The server that attacks. Its connection has carried a call.</summary>
    public RawServer Attacker { get; private set; } = null!;

    public LogLines Log { get; }

    public static async Task<AttackedChannel> StartAsync(Action<MiniChannelOptions>? configure = null, params (SettingId Id, uint Value)[] settings)
    {
        var attacked = new AttackedChannel(configure);
        attacked.Attacker = await FirstCallAsync(attacked.Channel, settings);
        attacked._bystandersServer = await FirstCallAsync(attacked.Bystander);
        attacked._nextId = attacked._bystandersNextId = 3;
        return attacked;
    }

    /// <summary>The next stream of the channel's connection.</summary>
    public int NextId()
    {
        _nextId += 2;
        return _nextId - 2;
    }

    /// <summary>The offence ends its call with a status: the connection lives.</summary>
    public async Task OffendAsync(StatusCode code, string sentence, Func<RawServer, int, Task> offence, bool streaming = false, string? logged = null)
    {
        for (int i = 0; i < Times; i++)
        {
            int id = NextId();
            using AsyncServerStreamingCall<byte[]>? many = streaming ? Channel.Spread([1]) : null;
            using AsyncUnaryCall<byte[]>? one = streaming ? null : Channel.Unary([1]);
            await Attacker.RequestAsync(id);
            await offence(Attacker, id);
            await TestChannel.AssertFailsAsync(many is null ? one!.ResponseAsync : ReadToEndAsync(many), code, sentence);
        }

        await AssertUnharmedAsync(logged ?? sentence);
    }

    /// <summary>
    /// The offence ends the connection: its call is UNAVAILABLE, and the next one gets a new connection. GOAWAY names no stream, since a
    /// channel takes none from its server.
    /// </summary>
    public async Task<RawFrame> OffendFatallyAsync(ErrorCode code, string section, Func<RawServer, int, Task> offence)
    {
        int id = NextId();
        using AsyncUnaryCall<byte[]> call = Channel.Unary([1]);
        await Attacker.RequestAsync(id);
        await offence(Attacker, id);
        RawFrame goAway = await Attacker.ExpectGoAwayAndEndAsync(code, 0, section);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, $"section {section})");
        await Attacker.DisposeAsync();
        Attacker = await FirstCallAsync(Channel);
        _nextId = 3;
        await AssertUnharmedAsync($"section {section})");
        return goAway;
    }

    /// <summary>
    /// The flood ends the connection like an offence; GOAWAY and the log name the limit. At its height it made the channel hold no more than
    /// <paramref name="bound"/>, which is <see cref="Held.Usual"/> if the test states no other.
    /// </summary>
    public async Task FloodAsync(string limit, Func<RawServer, int, Task> flood, Held? bound = null)
    {
        RawFrame goAway = await OffendFatallyAsync(ErrorCode.EnhanceYourCalm, "10.5", flood);
        Assert.Contains(limit, goAway.DebugData, StringComparison.Ordinal);
        Scene.AssertSaidOnce(Log, limit);
        AssertHeld(bound ?? Held.Usual);
    }

    /// <summary>Asserts what the channel held when the connection ended, for a breach of the protocol.</summary>
    public void AssertHeld(Held bound) => _heldAtTheEnd!.Value.AssertWithin(bound);

    /// <summary>The other channel's connection still works.</summary>
    public async Task AssertBystanderWorksAsync()
    {
        await Bystander.AssertWorksAsync(_bystandersServer!, _bystandersNextId);
        _bystandersNextId += 2;
    }

    /// <summary>The connection still works, and so does the other channel's; the log has named the cause once.</summary>
    public async Task AssertUnharmedAsync(string? cause = null)
    {
        await Channel.AssertWorksAsync(Attacker, NextId());
        await AssertBystanderWorksAsync();
        if (cause is not null)
        {
            AttackedServer.AssertSaidOnce(Log, cause);
        }

        await Channel.AssertQuietAsync(Attacker);
        await Bystander.AssertQuietAsync(_bystandersServer!);
    }

    public async ValueTask DisposeAsync()
    {
        await Channel.DisposeAsync();
        await Bystander.DisposeAsync();
    }

    private static async Task<RawServer> FirstCallAsync(TestChannel channel, params (SettingId Id, uint Value)[] settings)
    {
        using AsyncUnaryCall<byte[]> call = channel.Unary([1]);
        RawServer server = await channel.StartAsync(settings);
        await server.RequestAsync(1);
        await server.ReplyAsync(1, 2);
        Assert.Equal([2], await RawPeer.Within(call.ResponseAsync, "the response"));
        return server;
    }

    private static async Task ReadToEndAsync(AsyncServerStreamingCall<byte[]> call)
    {
        while (await call.ResponseStream.MoveNext(CancellationToken.None))
        {
        }
    }
}
