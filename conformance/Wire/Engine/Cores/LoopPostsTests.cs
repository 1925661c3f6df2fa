using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>What the receive loop starts: one thing alone is run by the loop's thread once the loop waits, all else by the pool.</summary>
public sealed class LoopPostsTests : IDispatcher
{
    private readonly List<string> _done = [];
    private readonly LoopPosts _posts;

    public LoopPostsTests() => _posts = new LoopPosts(this);

    [Fact]
    public void What_is_alone_runs_when_the_loop_waits_and_not_before()
    {
        TakeIn("a");
        Assert.Empty(_done);
        var input = new TaskCompletionSource();
        Task loop = WaitAsync(input);
        Assert.Equal(["run a"], _done);
        input.SetResult();
        Assert.True(loop.IsCompletedSuccessfully);
        Assert.Equal(["run a", "input"], _done);
    }

    /// <summary>Until then the loop couldn't go on: whoever runs on its thread might wait for what the loop has yet to receive.</summary>
    [Fact]
    public void The_loop_can_go_on_while_its_thread_is_busy()
    {
        var input = new TaskCompletionSource();
        _posts.BeginBatch();
        _posts.Post(new Item("a", this, () =>
        {
            input.SetResult();
            Assert.Equal(["run a", "input"], _done);
        }));
        _posts.EndBatch();
        Task loop = WaitAsync(input);
        Assert.True(loop.IsCompletedSuccessfully);
        Assert.Equal(["run a", "input"], _done);
    }

    [Fact]
    public void Several_go_to_the_pool_in_order()
    {
        TakeIn("a", "b", "c");
        Assert.Equal(["post a", "post b", "post c"], _done);
        _ = WaitAsync(new TaskCompletionSource());
        Assert.Equal(3, _done.Count);
    }

    [Fact]
    public void After_several_the_next_batch_has_one_alone_again()
    {
        TakeIn("a", "b");
        TakeIn("c");
        _ = WaitAsync(new TaskCompletionSource());
        Assert.Equal(["post a", "post b", "run c"], _done);
    }

    [Fact]
    public void With_more_input_there_what_is_alone_goes_to_the_pool()
    {
        TakeIn("a");
        Assert.True(_posts.WhileWaiting(ValueTask.CompletedTask).IsCompleted);
        _posts.PostAlone();
        _posts.PostAlone();
        Assert.Equal(["post a"], _done);
    }

    /// <summary>Whoever took it out to run it must run it.</summary>
    [Fact]
    public async Task What_is_alone_is_not_lost_when_input_comes_just_before_the_loop_waits()
    {
        TakeIn("a");
        var input = new TaskCompletionSource();
        LoopPosts.Awaitable wait = _posts.WhileWaiting(new ValueTask(input.Task));
        input.SetResult();
        await RawPeer.Within(AwaitAsync(wait), "the input that is there");
        Assert.Equal(["run a"], _done);

        static async Task AwaitAsync(LoopPosts.Awaitable wait) => await wait;
    }

    [Fact]
    public void Outside_of_a_batch_and_from_other_threads_everything_goes_to_the_pool()
    {
        Post("a");
        _posts.BeginBatch();
        var other = new Thread(() => Post("b"));
        other.Start();
        Assert.True(other.Join(RawPeer.Patience));
        _posts.EndBatch();
        Post("c");
        Assert.Equal(["post a", "post b", "post c"], _done);
    }

    [Fact]
    public async Task An_end_of_the_wait_that_is_an_error_is_the_loops()
    {
        TakeIn("a");
        var input = new TaskCompletionSource();
        Task loop = WaitAsync(input);
        input.SetException(new IOException("the input broke"));
        Assert.Equal("the input broke", (await Assert.ThrowsAsync<IOException>(() => loop)).Message);
        Assert.Equal(["run a"], _done);
    }

    void IDispatcher.Post(IThreadPoolWorkItem item) => _done.Add($"post {item}");

    void IDispatcher.RunOrPost(IThreadPoolWorkItem item) => item.Execute();

    Task IDispatcher.Cancel(CancellationTokenSource source) => throw new NotSupportedException();

    private void TakeIn(params ReadOnlySpan<string> names)
    {
        _posts.BeginBatch();
        foreach (string name in names)
        {
            Post(name);
        }

        _posts.EndBatch();
    }

    private void Post(string name) => _posts.Post(new Item(name, this, () => { }));

    private async Task WaitAsync(TaskCompletionSource input)
    {
        await _posts.WhileWaiting(new ValueTask(input.Task));
        _done.Add("input");
    }

    private sealed class Item(string name, LoopPostsTests test, Action run) : IThreadPoolWorkItem
    {
        public void Execute()
        {
            test._done.Add($"run {name}");
            run();
        }

        public override string ToString() => name;
    }
}
