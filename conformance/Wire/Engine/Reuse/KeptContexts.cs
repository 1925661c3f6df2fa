using System.IO.Compression;
using Grpc.Core;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Reuse;

/// <summary>
/// A handler's context that somebody has kept after its call, while the call's stream serves the next one: it answers for its own call
/// or fails clearly, and can do nothing to the other.
/// </summary>
public class KeptContexts
{
    [Fact]
    public async Task It_does_not_show_the_next_calls_request()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        (ServerCallContext kept, TaskCompletionSource next) = await KeepAsync(server, client);
        AssertFails(() => kept.RequestHeaders);
        AssertFails(() => kept.Host);
        next.SetResult();
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);

        static void AssertFails(Func<object> read) => Assert.Contains(
            "can't be read after the call has ended", Assert.Throws<InvalidOperationException>(read).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Request_headers_that_were_read_in_time_stay_what_they_were()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        Metadata? read = null;
        server.Service.Unary = (request, context) =>
        {
            read = context.RequestHeaders;
            return Task.FromResult(request);
        };
        (ServerCallContext kept, TaskCompletionSource next) = await KeepAsync(server, client);
        Assert.Same(read, kept.RequestHeaders);
        Assert.Equal("first", kept.RequestHeaders.GetValue("name"));
        Assert.Equal("second", server.Service.Calls.Last().RequestHeaders.GetValue("name"));
        next.SetResult();
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
    }

    [Fact]
    public async Task Its_response_headers_fail_and_are_not_sent_on_the_next_call()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        (ServerCallContext kept, TaskCompletionSource next) = await KeepAsync(server, client);
        InvalidOperationException e = await Assert.ThrowsAsync<InvalidOperationException>(() => kept.WriteResponseHeadersAsync([]));
        Assert.Contains("the call has ended", e.Message, StringComparison.Ordinal);
        await client.AssertNothingOnAsync(3);
        next.SetResult();
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
    }

    [Fact]
    public async Task Its_deadline_is_its_own()
    {
        var time = new HandTimers();
        await using var server = new TestServer(options => options.TimeProvider = time);
        RawClient client = await server.StartAsync();
        (ServerCallContext kept, TaskCompletionSource next) = await KeepAsync(server, client, "grpc-timeout=1H");
        Assert.Equal(DateTime.MaxValue, kept.Deadline);
        Assert.Equal(time.GetUtcNow().UtcDateTime.AddHours(1), server.Service.Calls.Last().Deadline);
        next.SetResult();
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
    }

    [Fact]
    public async Task Its_token_is_not_cancelled_with_the_next_call()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        (ServerCallContext kept, TaskCompletionSource next) = await KeepAsync(server, client);
        CancellationToken token = kept.CancellationToken;
        CancellationToken nexts = server.Service.Calls.Last().CancellationToken;
        await client.SendAsync(o => RstStreamFrame.Write(o, 3, ErrorCode.Cancel));
        await Eventually.IsCancelledAsync("the next call's token to be cancelled", nexts);
        Assert.False(token.IsCancellationRequested);
        Assert.False(kept.CancellationToken.IsCancellationRequested);
        next.SetResult();
        await server.AssertQuietAsync(client);
    }

    /// <summary>A thread of the handler's own has found the call open, and comes to write when it has ended and the next one is there.</summary>
    [Fact]
    public async Task A_write_that_began_in_time_and_comes_late_is_not_sent_on_the_next_call()
    {
        var provider = new SlowName();
        await using var server = new TestServer(options => options.CompressionProviders.Add(provider));
        RawClient client = await server.StartAsync();
        Metadata headers = new() { { "grpc-internal-encoding-request", "slow" }, { "late", "yes" } };

        // How often the provider is asked for its name says where the last time is: outside of every lock.
        server.Service.Unary = async (request, context) =>
        {
            provider.Asked = 0;
            await context.WriteResponseHeadersAsync(headers);
            return request;
        };
        await client.RequestAsync(1, "Unary", "grpc-accept-encoding=slow");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("yes", (await client.ResponseAsync(1)).Head["late"]);
        ServerStream stream = await server.PooledAsync(client);
        (int last, provider.Asked) = (provider.Asked, 0);
        provider.BlockAt = last;

        Task? late = null;
        server.Service.Unary = async (request, context) =>
        {
            late = Task.Run(() => context.WriteResponseHeadersAsync(headers));
            await provider.Blocked.Task;
            return request;
        };
        await client.RequestAsync(3, "Unary", "grpc-accept-encoding=slow");
        await client.DataAsync(3, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        Assert.Same(stream, await server.PooledAsync(client));

        TaskCompletionSource next = await server.HoldAsync(client, 5);
        Assert.Same(stream, Internals.StreamOf((ServerCall)server.Service.Calls.Last()));
        provider.Go.Set();
        await RawPeer.Within(late!, "the late write to return");
        await client.AssertNothingOnAsync(5);
        next.SetResult();
        RawResponse response = await client.ResponseAsync(5);
        Assert.Equal(("0", null), (response.Status, response.Head["late"]));
    }

    /// <summary>A call that has ended, and the next one on its stream, in its handler.</summary>
    private static async Task<(ServerCallContext Kept, TaskCompletionSource Next)> KeepAsync(TestServer server, RawClient client, params string[] fields)
    {
        await client.RequestAsync(1, "Unary", "name=first");
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        ServerStream stream = await server.PooledAsync(client);
        ServerCallContext kept = server.Service.Calls.Single();
        TaskCompletionSource next = await server.HoldAsync(client, 3, ["name=second", .. fields]);
        Assert.Same(stream, Internals.StreamOf((ServerCall)server.Service.Calls.Last()));
        return (kept, next);
    }

    /// <summary>A compression that lets a call wait in the middle of its response headers.</summary>
    private sealed class SlowName : ICompressionProvider
    {
        public int Asked { get; set; }

        public int BlockAt { get; set; }

        public TaskCompletionSource Blocked { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ManualResetEventSlim Go { get; } = new();

        public string EncodingName
        {
            get
            {
                if (++Asked == BlockAt)
                {
                    Blocked.SetResult();
                    Assert.True(Go.Wait(RawPeer.Patience));
                }

                return "slow";
            }
        }

        public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => new GZipStream(stream, CompressionLevel.Fastest, leaveOpen: true);

        public Stream CreateDecompressionStream(Stream stream) => new GZipStream(stream, CompressionMode.Decompress, leaveOpen: true);
    }
}
