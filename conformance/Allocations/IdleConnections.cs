using System.IO.Pipelines;

using Grpc.Core;

using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;

using MiniGrpc.Server;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>Tests that measure the memory of the whole process: nothing else runs beside them.</summary>
[CollectionDefinition(nameof(WholeProcess), DisableParallelization = true)]
public sealed class WholeProcess;

/// <summary>What a connection holds that has made one call and is idle, in octets, without its transport.</summary>
[Collection(nameof(WholeProcess))]
public class IdleConnections : OnOneThread
{
    private const int Count = 1000;

    /// <summary>10,000 of them take 30 MB.</summary>
    [Fact]
    public void A_server_s_connection() => Budget.HoldLive(release: 3064, debug: 3304, Count, Connect, ConnectNobody);

    private static List<object> Connect()
    {
        var time = new FakeTimeProvider();
        var thread = new OneThread();
        var options = new GrpcServerOptions { TimeProvider = time, Connection = new ConnectionOptions { Dispatcher = thread } };
        Task<byte[]> response = Task.FromResult(Messages.Message);
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Messages.Unary, (byte[] _, ServerCallContext _) => response)
            .Build();
        var core = new ServerCore(options, new MethodTable([service], []), NullLogger.Instance);
        var held = new List<object>(Count + 1) { core };
        for (int i = 0; i < Count; i++)
        {
            (InlineTransport engine, InlineTransport raw) = InlineTransport.CreatePair();
            core.Serve(engine);
            thread.Run();
            var client = new RawEnd(raw);
            Call(client);
            thread.Run();
            client.Receive();
            Assert.Equal(1, client.Ended);
            held.Add(client);
        }

        time.Advance(StreamPool.Patience);
        time.Advance(StreamPool.Patience);
        return held;
    }

    /// <summary>The same pipes and clients, and nobody at the other end who keeps anything.</summary>
    private static List<object> ConnectNobody()
    {
        var held = new List<object>(Count + 1);
        for (int i = 0; i < Count; i++)
        {
            (InlineTransport engine, InlineTransport raw) = InlineTransport.CreatePair();
            var client = new RawEnd(raw);
            Call(client);
            Assert.True(engine.Input.TryRead(out ReadResult result));
            engine.Input.AdvanceTo(result.Buffer.End);
            held.Add((engine, client));
        }

        return held;
    }

    private static void Call(RawEnd client)
    {
        client.Start(isClient: true);
        client.Headers(
            1,
            RawEnd.Block(
                new HpackEncoder(),
                (":method", "POST"),
                (":scheme", "http"),
                (":path", $"/test/{MethodType.Unary}"),
                (":authority", "localhost"),
                ("te", "trailers"),
                ("content-type", "application/grpc")),
            endStream: false);
        client.Message(1, Messages.Message, endStream: true);
        client.Send();
    }
}
