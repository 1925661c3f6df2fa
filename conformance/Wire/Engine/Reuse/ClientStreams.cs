using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Reuse;

/// <summary>Which streams of a client serve another call: those of unary calls that got their one response and status OK, and no others.</summary>
public class ClientStreams
{
    private static readonly DateTimeOffset s_now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public async Task Unary_calls_after_one_another_are_on_the_same_stream()
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync();
        ClientStream stream = await client.CallAsync(server, 1);
        for (int id = 3; id < 21; id += 2)
        {
            Assert.Same(stream, await client.CallAsync(server, id));
            Assert.Single(client.Pooled());
        }

        await client.AssertQuietAsync(server);
    }

    /// <summary>A response may be large, and its call's state is the caller's: neither waits for the next call in the pool.</summary>
    [Fact]
    public async Task A_stream_that_waits_for_a_call_holds_nothing_of_the_one_before()
    {
        await using var client = new TestChannel(options => options.CompressionProviders.Add(new GzipCompressionProvider(System.IO.Compression.CompressionLevel.Fastest)));
        RawServer server = await client.ConnectAsync();
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        ClientStream stream = await client.StreamAsync(server, 1);
        byte[] response = RawClient.Message(1);
        await server.HeadersAsync(1, endStream: false, [.. RawServer.Headers200, "grpc-encoding=gzip", $"content-length={response.Length}"]);
        await server.DataAsync(1, response);
        await server.HeadersAsync(1, endStream: true, "grpc-status=0");
        await RawPeer.Within(call.ResponseAsync, "the response");
        await client.PooledAsync(server, stream);
        Assert.Null(Internals.CallOf(stream));
        Assert.False(Internals.HoldsMemory(stream.Inbox));
        Assert.Same(stream, await client.CallAsync(server, 3)); // whose response is longer than the length that was declared
        Assert.Null(stream.ReceiveCompression);
    }

    [Theory]
    [InlineData("error status")]
    [InlineData("reset")]
    [InlineData("token")]
    [InlineData("dispose")]
    [InlineData("deadline")]
    [InlineData("no response")]
    [InlineData("two responses")]
    [InlineData("half a response")]
    [InlineData("response too large")]
    [InlineData("no status")]
    [InlineData("no gRPC")]
    [InlineData("broken rule")]
    [InlineData("Spread")]
    [InlineData("Collect")]
    [InlineData("Duplex")]
    public async Task A_call_of_another_kind_or_end_keeps_its_stream(string how)
    {
        var time = new FakeTimeProvider(s_now);
        await using var client = new TestChannel(options => options.TimeProvider = time);
        RawServer server = await client.ConnectAsync();
        using var source = new CancellationTokenSource();
        Task? ended = null;
        IDisposable call;
        switch (how)
        {
            case "Spread":
                call = client.Spread([1]);
                break;
            case "Collect":
                AsyncClientStreamingCall<byte[], byte[]> collect = client.Collect();
                (call, ended) = (collect, collect.ResponseAsync);
                await collect.RequestStream.CompleteAsync();
                break;
            case "Duplex":
                AsyncDuplexStreamingCall<byte[], byte[]> duplex = client.Duplex();
                call = duplex;
                await duplex.RequestStream.CompleteAsync();
                break;
            default:
                AsyncUnaryCall<byte[]> unary = client.Unary([1], new CallOptions(deadline: s_now.UtcDateTime.AddSeconds(1), cancellationToken: source.Token));
                (call, ended) = (unary, unary.ResponseAsync);
                break;
        }

        ClientStream stream = await client.StreamAsync(server, 1);
        await EndAsync(server, call, source, time, how);
        await RawPeer.Within((ended ?? Task.CompletedTask).ContinueWith(_ => { }, TaskScheduler.Default), "the call to end");
        Assert.Equal(how is "Collect", ended is { IsCompletedSuccessfully: true });
        await server.RoundTripAsync();
        Assert.Empty(client.Pooled());
        Assert.NotSame(stream, await client.CallAsync(server, 3));
        call.Dispose();
        await client.AssertQuietAsync(server);
    }

    [Fact]
    public async Task A_call_that_loses_its_connection_keeps_its_stream()
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync();
        Http2Connection connection = Internals.ReadyConnectionOf(client.Channel)!;
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        await client.StreamAsync(server, 1);
        server.Cut();
        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Unavailable, "");
        Assert.Empty(Internals.PooledOn(connection));
    }

    [Fact]
    public async Task A_call_that_the_server_refuses_by_GOAWAY_keeps_its_stream()
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync();
        Http2Connection connection = Internals.ReadyConnectionOf(client.Channel)!;
        using AsyncUnaryCall<byte[]> call = client.Unary([1]);
        await client.StreamAsync(server, 1);
        await server.SendAsync(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError, []));
        RawServer second = await client.StartAsync(); // it is sent once more
        await second.RequestAsync(1);
        await second.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        Assert.Empty(Internals.PooledOn(connection));
    }

    /// <summary>The server has answered without reading the request to its end: the stream is reset before it may serve another call.</summary>
    [Fact]
    public async Task A_response_that_comes_before_the_request_has_left_frees_the_stream_when_it_was_reset()
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync((SettingId.InitialWindowSize, 10));
        using AsyncUnaryCall<byte[]> call = client.Unary([1, 2, 3, 4, 5, 6]);
        await server.ExpectAsync(FrameType.Data, 1);
        var stream = (ClientStream)Internals.OpenOn(Internals.ReadyConnectionOf(client.Channel)!, 1);
        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await server.ExpectResetAsync(1, ErrorCode.NoError);
        await client.PooledAsync(server, stream);
        Assert.Same(stream, await client.CallAsync(server, 3));
        await client.AssertQuietAsync(server);

        // It was not the second call that was reset: what comes late for that was not under way.
        await server.DataAsync(3, [1]);
        await server.ExpectGoAwayAndEndAsync(ErrorCode.StreamClosed, 0, "5.1");
    }

    [Fact]
    public async Task A_call_of_many_responses_reads_each_as_it_comes()
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync();
        ClientStream stream = await client.CallAsync(server, 1);
        using AsyncServerStreamingCall<byte[]> call = client.Spread([1]);
        Assert.Same(stream, await client.StreamAsync(server, 3));
        await server.HeadersAsync(3, endStream: false, RawServer.Headers200);
        for (byte i = 0; i < 3; i++)
        {
            await server.DataAsync(3, RawClient.Message(i));
            Assert.True(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "a response"));
            Assert.Equal([i], call.ResponseStream.Current);
        }

        await server.HeadersAsync(3, endStream: true, "grpc-status=0");
        Assert.False(await RawPeer.Within(call.ResponseStream.MoveNext(CancellationToken.None), "the end"));
        await client.AssertQuietAsync(server);
    }

    /// <summary>A reset leaves a stream in the queue of those that would send; it must not be opened while it stands there.</summary>
    [Fact]
    public async Task A_stream_that_stands_in_the_scheduler_serves_no_other_call()
    {
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync((SettingId.InitialWindowSize, 1_000_000));
        using AsyncUnaryCall<byte[]> call = client.Unary(new byte[100_000]);
        await server.ExpectAsync(FrameType.Headers, 1);
        var stream = (ClientStream)Internals.OpenOn(Internals.ReadyConnectionOf(client.Channel)!, 1);
        for (int octets = 0; octets < 65_535;)
        {
            octets += (await server.ExpectAsync(FrameType.Data, 1)).Payload.Length; // all of the connection's window
        }

        await server.ReplyAsync(1, 7);
        Assert.Equal([7], await RawPeer.Within(call.ResponseAsync, "the response"));
        await server.ExpectResetAsync(1, ErrorCode.NoError);
        await client.PooledAsync(server, stream);
        Assert.True(stream.IsReady);
        using AsyncUnaryCall<byte[]> next = client.Unary([1]);
        await server.ExpectAsync(FrameType.Headers, 3);
        Assert.NotSame(stream, Internals.OpenOn(Internals.ReadyConnectionOf(client.Channel)!, 3));
        await server.SendAsync(o => WindowUpdateFrame.Write(o, 0, 1000));
        Assert.True((await server.ExpectAsync(FrameType.Data, 3)).EndStream);
        await server.ReplyAsync(3, 8);
        Assert.Equal([8], await RawPeer.Within(next.ResponseAsync, "the response"));
        await client.AssertQuietAsync(server);
    }

    [Fact]
    public async Task There_are_never_more_streams_than_were_open_at_once()
    {
        const int AtOnce = 5;
        await using var client = new TestChannel();
        RawServer server = await client.ConnectAsync();
        var streams = new HashSet<ClientStream>();
        for (int first = 1; first < 100; first += 2 * AtOnce)
        {
            AsyncUnaryCall<byte[]>[] calls = [.. Enumerable.Range(0, AtOnce).Select(_ => client.Unary([1]))];
            for (int id = first; id < first + (2 * AtOnce); id += 2)
            {
                streams.Add(await client.StreamAsync(server, id));
            }

            for (int id = first; id < first + (2 * AtOnce); id += 2)
            {
                await server.ReplyAsync(id, 1);
            }

            await RawPeer.Within(Task.WhenAll(calls.Select(call => call.ResponseAsync)), "the responses");
            await server.RoundTripAsync();
            await Eventually.IsTrueAsync(() => streams.SetEquals(client.Pooled().Cast<ClientStream>()), "the streams to be let go of");
        }

        Assert.InRange(streams.Count, 1, AtOnce);
    }

    private static async Task EndAsync(RawServer server, IDisposable call, CancellationTokenSource source, FakeTimeProvider time, string how)
    {
        switch (how)
        {
            case "reset":
                await server.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.InternalError));
                break;
            case "token":
                await source.CancelAsync();
                await server.ExpectResetAsync(1, ErrorCode.Cancel);
                break;
            case "dispose":
                call.Dispose();
                await server.ExpectResetAsync(1, ErrorCode.Cancel);
                break;
            case "deadline":
                time.Advance(TimeSpan.FromSeconds(1));
                await server.ExpectResetAsync(1, ErrorCode.Cancel);
                break;
            case "no gRPC":
                await server.HeadersAsync(1, endStream: true, ":status=503");
                break;
            case "broken rule":
                await server.DataAsync(1, RawClient.Message(1));
                break;
            default:
                await server.HeadersAsync(1, endStream: false, RawServer.Headers200);
                byte[] response = how switch
                {
                    "no response" => [],
                    "two responses" => [.. RawClient.Message(1), .. RawClient.Message(2)],
                    "half a response" => RawClient.Message(1, 2)[..^1],
                    "response too large" => [0, 0xff, 0, 0, 0],
                    _ => RawClient.Message(1),
                };
                await server.DataAsync(1, response, endStream: how == "no status");
                if (how is "two responses" or "response too large")
                {
                    await server.ExpectResetAsync(1, ErrorCode.Cancel); // no end is waited for
                }
                else if (how != "no status")
                {
                    await server.HeadersAsync(1, endStream: true, how == "error status" ? "grpc-status=3" : "grpc-status=0");
                }

                break;
        }
    }
}
