using Grpc.Core;

using Microsoft.Extensions.Logging.Abstractions;

using MiniGrpc.Server;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>A server with one connection, whose client replays the same request.</summary>
internal sealed class ServerUnderTest
{
    private readonly OneThread _thread = new();
    private readonly RawEnd _client;
    private readonly byte[] _block;
    private int _id = -1;

    public ServerUnderTest(MethodType type, params ReadOnlySpan<(string Name, string Value)> more)
    {
        var options = new GrpcServerOptions { Connection = new ConnectionOptions { Dispatcher = _thread } };
        var core = new ServerCore(options, new MethodTable([Bind()], []), NullLogger.Instance);
        (InlineTransport engine, InlineTransport raw) = InlineTransport.CreatePair();
        _client = new RawEnd(raw);
        core.Serve(engine);
        Go();
        _client.Start(isClient: true);
        var encoder = new HpackEncoder();
        (string, string)[] fields =
        [
            (":method", "POST"), (":scheme", "http"), (":path", $"/test/{type}"), (":authority", "localhost"),
            ("te", "trailers"), ("content-type", "application/grpc"), ("user-agent", "raw"), .. more,
        ];
        Call(RawEnd.Block(encoder, fields));
        _block = RawEnd.Block(encoder, fields);
    }

    /// <summary>A whole call with one request.</summary>
    public void Call() => Call(_block);

    /// <summary>A whole call with many requests, each of which the server has taken in before the next comes.</summary>
    public void Call(int requests)
    {
        int ended = _client.Ended;
        _client.Headers(_id += 2, _block, endStream: false);
        Go();
        for (int i = 0; i < requests; i++)
        {
            _client.Message(_id, Messages.Message, endStream: false);
            Go();
        }

        _client.End(_id);
        Go();
        Assert.True(_client.Ended == ended + 1);
    }

    /// <summary>How many responses a server-streaming handler writes.</summary>
    public int Responses { get; set; }

    private void Call(byte[] block)
    {
        int ended = _client.Ended;
        _client.Headers(_id += 2, block, endStream: false);
        _client.Message(_id, Messages.Message, endStream: true);
        Go();
        Assert.True(_client.Ended == ended + 1);
    }

    private void Go()
    {
        _client.Send();
        _thread.Run();
        _client.Receive();
    }

    private ServerServiceDefinition Bind()
    {
        Task<byte[]> response = Task.FromResult(Messages.Message);
        return ServerServiceDefinition.CreateBuilder()
            .AddMethod(Messages.Unary, (byte[] _, ServerCallContext _) => response)
            .AddMethod(Messages.ClientStreaming, async (IAsyncStreamReader<byte[]> requests, ServerCallContext _) =>
            {
                while (await requests.MoveNext())
                {
                }

                return Messages.Message;
            })
            .AddMethod(Messages.ServerStreaming, async (byte[] _, IServerStreamWriter<byte[]> responses, ServerCallContext _) =>
            {
                for (int i = 0; i < Responses; i++)
                {
                    await responses.WriteAsync(Messages.Message);
                }
            })
            .AddMethod(Messages.Duplex, async (IAsyncStreamReader<byte[]> requests, IServerStreamWriter<byte[]> responses, ServerCallContext _) =>
            {
                while (await requests.MoveNext())
                {
                    await responses.WriteAsync(requests.Current);
                }
            })
            .Build();
    }
}
