using Grpc.Core;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>Calls that wait for a free stream.</summary>
public class WaitingCalls
{
    /// <summary>
    /// Each call is tried on its own, and user code runs in the try: two may be in it at the same time, and the later one may come
    /// back last. They get their streams in the order in which they came all the same.
    /// </summary>
    [Fact]
    public async Task Calls_that_are_tried_at_the_same_time_keep_their_order()
    {
        await using var client = new TestChannel();
        Task<byte[]> running = client.Unary([0]).ResponseAsync;
        RawServer server = await client.StartAsync((SettingId.MaxConcurrentStreams, 1));
        await server.RequestAsync(1);

        var earlier = new HeldRequest(1);
        Task<byte[]> first = earlier.Start(client);
        client.Channel.Core.Router.OnStreamsAvailable(); // calls that wait are tried, and there is no stream for them
        await RawPeer.Within(earlier.Held, "the first call to be tried");
        var later = new HeldRequest(2);
        Task<byte[]> second = later.Start(client);
        client.Channel.Core.Router.OnStreamsAvailable();
        await RawPeer.Within(later.Held, "the second call to be tried");
        earlier.Release();
        await Eventually.CallsWaitAsync(client.Channel, 1);
        later.Release();
        await Eventually.CallsWaitAsync(client.Channel, 2);

        await server.ReplyAsync(1);
        Assert.Equal(RawClient.Message(1), (await server.RequestAsync(3)).Data);
        await server.ReplyAsync(3);
        Assert.Equal(RawClient.Message(2), (await server.RequestAsync(5)).Data);
        await server.ReplyAsync(5);
        await RawPeer.Within(Task.WhenAll(running, first, second), "the responses");
        await client.AssertQuietAsync(server);
    }

    /// <summary>Who has waited in vain is told for what.</summary>
    [Fact]
    public async Task A_deadline_that_passes_while_a_call_waits_says_what_it_waited_for()
    {
        var time = new BackoffClock();
        await using var client = new TestChannel(options => options.TimeProvider = time);
        Task<byte[]> unanswered = client.Unary([1], In(time, 1)).ResponseAsync;
        RawServer server = await client.AcceptAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(unanswered, StatusCode.DeadlineExceeded, "The deadline of the call has passed while it waited for a connection.");

        await server.DisposeAsync();
        await time.IsArmedAsync();
        await Balancing.Settling.OfAsync(client.Channel);
        Task<byte[]> refused = client.Unary([2], In(time, 0.5).WithWaitForReady()).ResponseAsync;
        await Eventually.CallsWaitAsync(client.Channel, 1);
        time.Advance(TimeSpan.FromSeconds(0.5));
        await TestChannel.AssertFailsAsync(refused, StatusCode.DeadlineExceeded, OverTls.IsOn ? "while it waited for a connection (the TLS handshake" : "while it waited for a connection (memory:test ");

        time.Advance(TimeSpan.FromSeconds(1));
        Task<byte[]> running = client.Unary([3], new CallOptions().WithWaitForReady()).ResponseAsync;
        server = await client.StartAsync((SettingId.MaxConcurrentStreams, 1));
        await server.RequestAsync(1);
        Task<byte[]> full = client.Unary([4], In(time, 1)).ResponseAsync;
        await Eventually.CallsWaitAsync(client.Channel, 1);
        time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(full, StatusCode.DeadlineExceeded, "The deadline of the call has passed while it waited for a free stream.");
        await server.ReplyAsync(1);
        await RawPeer.Within(running, "the response");
    }

    private static CallOptions In(BackoffClock time, double seconds) => new(deadline: time.GetUtcNow().UtcDateTime.AddSeconds(seconds));

    /// <summary>
    /// A call whose marshaller holds up its second try: the first one is on its caller's thread and finds no free stream, the second
    /// one is on the pool.
    /// </summary>
    private sealed class HeldRequest(byte content)
    {
        private readonly TaskCompletionSource _held = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _release = new();
        private int _tries;

        public Task Held => _held.Task;

        public Task<byte[]> Start(TestChannel client)
        {
            var marshaller = new Marshaller<byte[]>(Serialize, octets => octets);
            var method = new Method<byte[], byte[]>(MethodType.Unary, "test", "Unary", marshaller, marshaller);
            return client.Invoker.AsyncUnaryCall(method, null, default, [content]).ResponseAsync;
        }

        public void Release() => _release.Set();

        private byte[] Serialize(byte[] message)
        {
            if (++_tries == 2)
            {
                _held.SetResult();
                _release.Wait(TestContext.Current.CancellationToken);
            }

            return message;
        }
    }
}
