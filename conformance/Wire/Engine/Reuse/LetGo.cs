using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Reuse;

/// <summary>What the tests of this folder share: whole calls, and the streams that they leave to others.</summary>
internal static class LetGo
{
    /// <summary>The streams of the server's only connection that wait for a call.</summary>
    public static IReadOnlyList<Http2Stream> Pooled(this TestServer server) => Internals.PooledOn(Assert.Single(Internals.ConnectionsOf(server.Core)));

    /// <inheritdoc cref="Pooled(TestServer)"/>
    public static IReadOnlyList<Http2Stream> Pooled(this TestChannel client) => Internals.PooledOn(Internals.ReadyConnectionOf(client.Channel)!);

    /// <summary>The stream of the call that was started last, once it waits for another call.</summary>
    public static async Task<ServerStream> PooledAsync(this TestServer server, RawClient client)
    {
        ServerStream stream = Internals.StreamOf((ServerCall)server.Service.Calls.Last());
        await client.RoundTripAsync();
        await Eventually.IsTrueAsync(() => server.Pooled().Contains(stream), "the stream to be let go of");
        return stream;
    }

    /// <summary>A whole unary call; its stream waits for another one.</summary>
    public static async Task<ServerStream> CallAsync(this TestServer server, RawClient client, int id)
    {
        await client.AssertWorksAsync(id);
        return await server.PooledAsync(client);
    }

    /// <summary>A call whose handler has started, and goes on when the result is set.</summary>
    public static async Task<TaskCompletionSource> HoldAsync(this TestServer server, RawClient client, int id, params string[] fields)
    {
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        server.Service.Unary = async (request, _) =>
        {
            started.SetResult();
            await go.Task;
            return request;
        };
        await client.RequestAsync(id, "Unary", fields);
        await client.DataAsync(id, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        return go;
    }

    /// <summary>Connects a channel without a call: the one that it connects for is disposed of before it has a stream.</summary>
    public static async Task<RawServer> ConnectAsync(this TestChannel client, params (SettingId Id, uint Value)[] settings)
    {
        AsyncUnaryCall<byte[]> call = client.Unary([1]);
        RawServer server = await client.AcceptAsync();
        call.Dispose();
        await server.StartAsync(settings);
        await server.RoundTripAsync();
        return server;
    }

    /// <summary>Reads the request of a call that has begun, and finds its stream.</summary>
    public static async Task<ClientStream> StreamAsync(this TestChannel client, RawServer server, int id)
    {
        await server.RequestAsync(id);
        return (ClientStream)Internals.OpenOn(Internals.ReadyConnectionOf(client.Channel)!, id);
    }

    /// <summary>Waits until a stream waits for another call.</summary>
    public static async Task PooledAsync(this TestChannel client, RawServer server, ClientStream stream)
    {
        await server.RoundTripAsync();
        await Eventually.IsTrueAsync(() => client.Pooled().Contains(stream), "the stream to be let go of");
    }

    /// <summary>A whole unary call; its stream waits for another one.</summary>
    public static async Task<ClientStream> CallAsync(this TestChannel client, RawServer server, int id)
    {
        using AsyncUnaryCall<byte[]> call = client.Unary([1, 2, 3]);
        ClientStream stream = await client.StreamAsync(server, id);
        await server.ReplyAsync(id, 4, 5);
        Assert.Equal([4, 5], await RawPeer.Within(call.ResponseAsync, "the response"));
        await client.PooledAsync(server, stream);
        return stream;
    }
}
