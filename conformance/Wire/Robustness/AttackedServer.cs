using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>
/// A server with two clients: one that attacks, and one that must not notice. What every attack has to leave behind is
/// asserted here: the outcome, one line in the log, a bystander whose calls work, and no stream, credit or memory lost.
/// </summary>
internal sealed class AttackedServer : IAsyncDisposable
{
    /// <summary>How often an offence is repeated, to see that the log doesn't repeat it.</summary>
    private const int Times = 3;

    private int _nextId = 1;
    private int _bystandersNextId = 1;

    private AttackedServer(TestServer server, RawClient attacker, RawClient bystander)
    {
        Server = server;
        Attacker = attacker;
        Bystander = bystander;
    }

    public TestServer Server { get; }

    /// <summary>The client that attacks. Its connection has carried a call.</summary>
    public RawClient Attacker { get; }

    public RawClient Bystander { get; }

    public static Task<AttackedServer> StartAsync(Action<GrpcServerOptions>? configure = null) => StartAsync(new TestServer(configure));

    public static async Task<AttackedServer> StartAsync(TestServer server, params (SettingId Id, uint Value)[] settings)
    {
        var attacked = new AttackedServer(server, await server.StartAsync(settings), await server.StartAsync());
        await attacked.Attacker.AssertWorksAsync(attacked.NextId());
        await Eventually.IsTrueAsync(() => server.Core.RunningCalls == 0, "the handler to return"); // a moment after its answer
        return attacked;
    }

    /// <summary>The attacker's next stream.</summary>
    public int NextId()
    {
        _nextId += 2;
        return _nextId - 2;
    }

    /// <summary>The offence is an error of its stream: the connection lives.</summary>
    public async Task OffendAsync(ErrorCode code, string cause, Func<RawClient, int, Task> offence)
    {
        for (int i = 0; i < Times; i++)
        {
            int id = NextId();
            await offence(Attacker, id);
            await Attacker.ExpectResetAsync(id, code);
        }

        await AssertUnharmedAsync(cause);
    }

    /// <summary>The offence fails its call with a status: the connection lives. Answers the last response.</summary>
    public async Task<RawResponse> OffendAsync(StatusCode code, string sentence, Func<RawClient, int, Task> offence)
    {
        RawResponse? response = null;
        for (int i = 0; i < Times; i++)
        {
            int id = NextId();
            await offence(Attacker, id);
            response = await Attacker.ResponseAsync(id);
            Assert.Equal(((int)code).ToString(System.Globalization.CultureInfo.InvariantCulture), response.Status);
            Assert.Contains(sentence, response.Message, StringComparison.Ordinal);
        }

        await AssertUnharmedAsync(sentence);
        return response!;
    }

    /// <summary>The offence ends the connection, and nothing else. <paramref name="lastStreamId"/> is what GOAWAY names.</summary>
    public async Task OffendFatallyAsync(ErrorCode code, string section, int lastStreamId, Func<RawClient, int, Task> offence)
    {
        await offence(Attacker, NextId());
        await Attacker.ExpectGoAwayAndEndAsync(code, lastStreamId, section);
        await Attacker.DisposeAsync();
        await Eventually.IsTrueAsync(() => Internals.ConnectionsOf(Server.Core).Length == 1, "the attacker's connection to be forgotten");
        AssertSaidOnce(Server.Log, $"section {section})");
        await AssertBystanderWorksAsync();
        await AssertNothingIsLeftAsync();
    }

    /// <summary>The attacker's connection still works, and so does the other one; the log has named the cause once.</summary>
    public async Task AssertUnharmedAsync(string? cause = null)
    {
        await Attacker.AssertWorksAsync(NextId());
        await AssertBystanderWorksAsync();
        if (cause is not null)
        {
            AssertSaidOnce(Server.Log, cause);
        }

        await Attacker.RoundTripAsync();
        await AssertNothingIsLeftAsync();
    }

    public async Task AssertBystanderWorksAsync()
    {
        await Bystander.AssertWorksAsync(_bystandersNextId);
        _bystandersNextId += 2;
    }

    /// <summary>One line above Debug names the cause, however often it came.</summary>
    public static void AssertSaidOnce(LogLines log, string cause) => Assert.Single(
        log.Lines,
        line => !line.StartsWith("Debug", StringComparison.Ordinal) && line.Contains(cause, StringComparison.Ordinal));

    public ValueTask DisposeAsync() => Server.DisposeAsync();

    private async Task AssertNothingIsLeftAsync()
    {
        await Eventually.IsTrueAsync(() => Server.Core.RunningCalls == 0, "the handlers to return");
        await Bystander.RoundTripAsync();
        foreach (Http2Connection connection in Internals.ConnectionsOf(Server.Core))
        {
            Internals.AssertQuiet(connection);
        }

        Assert.DoesNotContain(Server.Service.Calls, Internals.HoldsMemory);
    }
}
