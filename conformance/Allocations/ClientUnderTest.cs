using System.Net;

using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>A channel with one connection, whose server replays the same response.</summary>
internal sealed class ClientUnderTest
{
    private readonly OneThread _thread = new();
    private readonly RawEnd _server;
    private readonly byte[] _head;
    private readonly byte[] _trailers;
    private readonly CallInvoker _invoker;
    private int _id = 1;

    public ClientUnderTest()
    {
        (InlineTransport engine, InlineTransport raw) = InlineTransport.CreatePair();
        _server = new RawEnd(raw);
        var options = new MiniChannelOptions
        {
            Connection = new ConnectionOptions { Dispatcher = _thread },
            Connect = _ => ValueTask.FromResult<Wire.Transport.ITransport>(engine),
        };
        _invoker = MiniChannel.ForEndPoint(new IPEndPoint(IPAddress.Loopback, 1), options).CreateCallInvoker();
        Task<byte[]> response = _invoker.AsyncUnaryCall(Messages.Unary, null, default, Messages.Message).ResponseAsync;
        _thread.Run();
        _server.SkipPreface();
        _server.Start(isClient: false);
        Go();
        var encoder = new HpackEncoder();
        _server.Headers(_id, Head(encoder), endStream: false);
        _server.Message(_id, Messages.Message, endStream: false);
        _server.Headers(_id, Trailers(encoder), endStream: true);
        Go();
        (_head, _trailers) = (Head(encoder), Trailers(encoder));
        Assert.True(response.IsCompletedSuccessfully);
    }

    /// <summary>A unary call, its response read by nobody but its task.</summary>
    public void Unary(CallOptions options)
    {
        AsyncUnaryCall<byte[]> call = _invoker.AsyncUnaryCall(Messages.Unary, null, options, Messages.Message);
        Go();
        _server.Headers(_id += 2, _head, endStream: false);
        _server.Message(_id, Messages.Message, endStream: false);
        _server.Headers(_id, _trailers, endStream: true);
        Go();
        Assert.True(call.ResponseAsync.IsCompletedSuccessfully);
    }

    /// <summary>A call with so many responses, each of which is waited for before it comes.</summary>
    public void ServerStreaming(int responses)
    {
        AsyncServerStreamingCall<byte[]> call = _invoker.AsyncServerStreamingCall(Messages.ServerStreaming, null, default, Messages.Message);
        Go();
        _server.Headers(_id += 2, _head, endStream: false);
        for (int i = 0; i < responses; i++)
        {
            Task<bool> read = call.ResponseStream.MoveNext(CancellationToken.None);
            _server.Message(_id, Messages.Message, endStream: false);
            Go();
            Assert.True(read.IsCompletedSuccessfully && read.Result);
        }

        End(call.ResponseStream.MoveNext(CancellationToken.None));
    }

    /// <summary>A call with so many requests.</summary>
    public void ClientStreaming(int requests)
    {
        AsyncClientStreamingCall<byte[], byte[]> call = _invoker.AsyncClientStreamingCall(Messages.ClientStreaming, null, default);
        Go();
        _server.Headers(_id += 2, _head, endStream: false);
        for (int i = 0; i < requests; i++)
        {
            Task write = call.RequestStream.WriteAsync(Messages.Message);
            Go();
            Assert.True(write.IsCompletedSuccessfully);
        }

        call.RequestStream.CompleteAsync();
        Go();
        _server.Message(_id, Messages.Message, endStream: false);
        End(call.ResponseAsync);
    }

    /// <summary>A whole call of one request, which could have sent more.</summary>
    public void Upload() => ClientStreaming(1);

    /// <summary>A call with so many messages each way, in turns.</summary>
    public void Duplex(int messages)
    {
        AsyncDuplexStreamingCall<byte[], byte[]> call = _invoker.AsyncDuplexStreamingCall(Messages.Duplex, null, default);
        Go();
        _server.Headers(_id += 2, _head, endStream: false);
        for (int i = 0; i < messages; i++)
        {
            Task<bool> read = call.ResponseStream.MoveNext(CancellationToken.None);
            Task write = call.RequestStream.WriteAsync(Messages.Message);
            Go();
            _server.Message(_id, Messages.Message, endStream: false);
            Go();
            Assert.True(write.IsCompletedSuccessfully && read.IsCompletedSuccessfully && read.Result);
        }

        call.RequestStream.CompleteAsync();
        End(call.ResponseStream.MoveNext(CancellationToken.None));
    }

    private static byte[] Head(HpackEncoder encoder) => RawEnd.Block(encoder, (":status", "200"), ("content-type", "application/grpc"));

    private static byte[] Trailers(HpackEncoder encoder) => RawEnd.Block(encoder, ("grpc-status", "0"));

    private void End(Task last)
    {
        _server.Headers(_id, _trailers, endStream: true);
        Go();
        Assert.True(last.IsCompletedSuccessfully);
    }

    private void Go()
    {
        _thread.Run();
        _server.Send();
        _thread.Run();
        _server.Receive();
    }
}
