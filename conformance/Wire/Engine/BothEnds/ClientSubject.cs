using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>Our client, and a raw server.</summary>
internal sealed class ClientSubject : Subject
{
    private readonly TestChannel _channel = new();
    private readonly TaskCompletionSource _read = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private RawServer _server = null!;
    private Task? _call;
    private int _nextId = 3;

    public override RawPeer Peer => _server;

    /// <summary>A server opens no stream.</summary>
    public override int LastStreamId => 0;

    public override string[] HeaderFields => RawServer.Headers200;

    public override string[] TrailerFields { get; } = ["grpc-status=0"];

    public static async Task<ClientSubject> StartAsync()
    {
        var subject = new ClientSubject();
        Task first = subject._channel.Unary([1]).ResponseAsync;
        subject._server = await subject._channel.StartAsync();
        await subject._server.RequestAsync(1);
        await subject._server.ReplyAsync(1);
        await RawPeer.Within(first, "the response");
        await subject._server.RoundTripAsync();
        return subject;
    }

    public override async Task<int> BringAsync(StateName state)
    {
        switch (state)
        {
            case StateName.Zero:
                return 0;
            case StateName.Idle:
                return 3;
            case StateName.Even:
                await AssertWorksAsync(); // a higher one was opened, and still it is idle
                return 2;
            case StateName.Ended:
                return 1;
            case StateName.Open:
                AsyncDuplexStreamingCall<byte[], byte[]> duplex = _channel.Duplex();
                await _server.ExpectAsync(FrameType.Headers, 3);
                _call = duplex.ResponseStream.MoveNext(CancellationToken.None);
                break;
            default:
                AsyncUnaryCall<byte[]> unary = _channel.Unary([1]);
                await _server.RequestAsync(3);
                _call = unary.ResponseAsync;
                await BringUnaryAsync(state, unary);
                break;
        }

        _nextId = 5;
        await _server.RoundTripAsync();
        return 3;
    }

    public override async Task<int> BringStalledAsync()
    {
        AsyncServerStreamingCall<byte[]> call = _channel.Spread([1]);
        await _server.RequestAsync(3);
        await _server.HeadersAsync(3, endStream: false, RawServer.Headers200);
        await FillWindowAsync(3);
        _nextId = 5;
        _call = Task.Run(async () =>
        {
            await RawPeer.Within(_read.Task, "the test to read");
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
            }
        });
        return 3;
    }

    public override void AssertCallGoesOn() => Assert.False(_call!.IsCompleted);

    public override Task AssertAnsweredAsync(int id) => AssertCallEndsAsync(id);

    public override async Task AssertCallEndsAsync(int id)
    {
        _read.TrySetResult();
        await RawPeer.Within(_call!.ContinueWith(_ => true, TaskScheduler.Default), "the call to end");
        _ = _call.Exception; // however it has ended
    }

    public override async Task AssertWorksAsync()
    {
        await _channel.AssertWorksAsync(_server, _nextId);
        _nextId += 2;
    }

    public override async Task AssertLostAsync()
    {
        if (_call is { IsCompletedSuccessfully: false, Exception: null })
        {
            await TestChannel.AssertFailsAsync(_call, StatusCode.Unavailable, "");
        }

        await _server.DisposeAsync();
        Task<byte[]> next = _channel.Unary([1, 2, 3]).ResponseAsync;
        RawServer second = await _channel.StartAsync();
        await second.RequestAsync(1);
        await second.ReplyAsync(1, 4);
        Assert.Equal([4], await RawPeer.Within(next, "the response on a new connection"));
    }

    public override ValueTask DisposeAsync() => _channel.DisposeAsync();

    private async Task BringUnaryAsync(StateName state, AsyncUnaryCall<byte[]> unary)
    {
        switch (state)
        {
            case StateName.HalfClosedLocal:
                break;
            case StateName.Responding:
                await _server.HeadersAsync(3, endStream: false, RawServer.Headers200);
                break;
            case StateName.ResetByPeer:
                await _server.SendAsync(o => RstStreamFrame.Write(o, 3, ErrorCode.Cancel));
                await TestChannel.AssertFailsAsync(unary.ResponseAsync, StatusCode.Cancelled, "");
                break;
            case StateName.ResetByUs:
                unary.Dispose();
                await _server.ExpectResetAsync(3, ErrorCode.Cancel);
                await AssertCallEndsAsync(3);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(state), state, "a client's stream is never in this state");
        }
    }
}
