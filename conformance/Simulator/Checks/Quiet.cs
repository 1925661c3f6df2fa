using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>What must hold when all calls have ended, while connections are open and after they are closed.</summary>
internal static class Quiet
{
    /// <summary>Every call is over; a connection is as if none had ever been on it, and its two ends agree about their windows.</summary>
    public static void CheckOpen(SimWorld world)
    {
        CheckCalls(world);
        foreach (SimConnection wire in world.Network.Connections)
        {
            Http2Connection? client = Find(world.Channel.Core.Connections, wire.Client);
            Http2Connection? server = world.Servers.All.Select(core => Find(Inside.ConnectionsOf(core), wire.Server)).FirstOrDefault(found => found is not null);
            CheckEnd(world, client, "client");
            CheckEnd(world, server, "server");
            if (client is not null && server is not null && wire.IsEmpty)
            {
                CheckAgreement(world, client, server, "requests");
                CheckAgreement(world, server, client, "responses");
            }
        }
    }

    /// <summary>Nothing is left of anything.</summary>
    public static void CheckClosed(SimWorld world)
    {
        CheckCalls(world);
        Expect(world, world.Channel.Core.Connections.Count == 0, "the channel has a connection after it was closed");
        Expect(world, world.ChannelClosing is { IsCompletedSuccessfully: true }, "the channel's DisposeAsync waits for ever");
        foreach (MiniGrpc.Server.ServerCore core in world.Servers.All)
        {
            Expect(world, core.Drained.IsCompleted, "a server waits for ever to be drained");
            Expect(world, Inside.ConnectionsOf(core).Count == 0, "a server has a connection after it was stopped");
        }

        foreach (SimConnection wire in world.Network.Connections)
        {
            Expect(world, wire.Client.IsClosed && wire.Server.IsClosed, $"{wire.Client.LocalAddress}: a transport was left open");
        }

        Expect(world, world.Time.ArmedTimers == 0, $"{world.Time.ArmedTimers} timers are armed still");
        PoolAccount.ReleaseThreadsOwn();
        Expect(world, world.Pool.Count == 0, $"{world.Pool.Count} arrays were not returned: {string.Join("\n--\n", world.Pool.Origins)}");
    }

    private static void CheckCalls(SimWorld world)
    {
        foreach (CallRecord call in world.Calls)
        {
            Expect(world, call.IsOver, $"a call waits for ever: {call}");
            Expect(world, call.HandlersStarted == call.HandlersEnded, $"a handler waits for ever: {call}");
            Expect(world, call.AskAgain is null || (call.Status is { } status && Verdicts.AreSame(call.AskAgain(), status)), $"a call's status has changed after its end: {call}");
        }

        foreach (MiniGrpc.Server.ServerCore core in world.Servers.All)
        {
            Expect(world, core.RunningCalls == 0, $"a server counts {core.RunningCalls} running calls where there are none");
        }

        Expect(world, world.Channel.Core.Router.WaitingCalls == 0, $"{world.Channel.Core.Router.WaitingCalls} calls that have ended wait for a connection");
    }

    private static void CheckEnd(SimWorld world, Http2Connection? connection, string end)
    {
        if (connection is null)
        {
            return;
        }

        SendSide send = Inside.SendOf(connection);
        ReceiveSide receive = Inside.ReceiveOf(connection);
        receive.CollectOpened();
        receive.CollectRetired();
        ConnectionReceiveWindow window = receive.Window;
        string who = $"{end} of {((SimTransport)connection.Transport).LocalAddress}";
        Expect(world, send.OpenStreams == 0, $"{who}: {send.OpenStreams} streams are counted as open");
        Expect(world, receive.Streams.Count == 0, $"{who}: {receive.Streams.Count} streams are in the table");
        Expect(world, window.Unread == 0, $"{who}: {window.Unread} octets count as unread");
        Expect(world, window.GrowthLeft == (connection.Options.Limits.Abuse.ReceiveQueue / 2) + window.Growth, $"{who}: windows of streams that have ended have grown still, {window.GrowthLeft} octets are left");
        long credit = Inside.AvailableOf(window) + Inside.OwedOf(window);
        Expect(world, credit == window.Size, $"{who}: a window of {window.Size} octets has become {credit}");
    }

    private static void CheckAgreement(SimWorld world, Http2Connection sender, Http2Connection receiver, string what)
    {
        int mayBeSent = Inside.WindowOf(Inside.SendOf(sender)).Available;
        long mayCome = Inside.AvailableOf(Inside.ReceiveOf(receiver).Window);
        Expect(world, mayBeSent == mayCome, $"{((SimTransport)receiver.Transport).LocalAddress}: the window for {what} is {mayBeSent} at one end and {mayCome} at the other");
        Expect(world, !Inside.SendOf(sender).HasWork, $"{((SimTransport)sender.Transport).LocalAddress}: octets wait and nobody sends them");
        Expect(world, Inside.ArrayOf(Inside.SendOf(sender).Output).Length == 0, $"{((SimTransport)sender.Transport).LocalAddress}: an idle connection holds output memory");
    }

    private static Http2Connection? Find(IEnumerable<Http2Connection> connections, SimTransport transport) =>
        connections.FirstOrDefault(connection => ReferenceEquals(connection.Transport, transport));

    private static void Expect(SimWorld world, bool holds, string otherwise)
    {
        if (!holds)
        {
            world.Fail(otherwise);
        }
    }
}
