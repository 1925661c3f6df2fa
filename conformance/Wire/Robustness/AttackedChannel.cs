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
    private int _nextId = 1;
    private int _bystandersNextId = 1;

    private AttackedChannel(Action<MiniChannelOptions>? configure)
    {
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

    public LogLines Log { get; } = new();

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

    /// <summary>The offence ends the connection: its call is UNAVAILABLE, and the next one gets a new connection.</summary>
    public async Task OffendFatallyAsync(ErrorCode code, string section, Func<RawServer, int, Task> offence)
    {
        int id = NextId();
        using AsyncUnaryCall<byte[]> call = Channel.Unary([1]);
        await Attacker.RequestAsync(id);
        await offence(Attacker, id);
        await Attacker.ExpectGoAwayAndEndAsync(code, 0, section);
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, $"section {section})");
        await Attacker.DisposeAsync();
        Attacker = await FirstCallAsync(Channel);
        _nextId = 3;
        await AssertUnharmedAsync($"section {section})");
    }

    /// <summary>The connection still works, and so does the other channel's; the log has named the cause once.</summary>
    public async Task AssertUnharmedAsync(string? cause = null)
    {
        await Channel.AssertWorksAsync(Attacker, NextId());
        await Bystander.AssertWorksAsync(_bystandersServer!, _bystandersNextId);
        _bystandersNextId += 2;
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
