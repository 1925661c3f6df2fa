using System.Collections.Immutable;

using MiniGrpc.Wire;

namespace MiniGrpc.Samples.Tour;

/// <summary>
/// The frames that crossed the wire since the last look. The connection's loops add them; the tour waits for the frame that a
/// call ends with, so it needs no pauses.
/// </summary>
internal sealed class WireLog
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Lock _lock = new();
    private readonly List<Frame> _frames = [];
    private readonly List<Wait> _waits = [];

    /// <summary>Takes a frame: what <c>WireTrace</c> of the channel's options is set to. It must not block, and doesn't.</summary>
    public void Add(WireFrame traced)
    {
        var frame = new Frame(traced);
        lock (_lock)
        {
            _frames.Add(frame);
            _waits.RemoveAll(wait => wait.IsOver(_frames));
        }
    }

    /// <summary>Waits until so many frames of a kind have crossed the wire since the last look.</summary>
    /// <exception cref="TimeoutException">They didn't come; the message says what they are.</exception>
    public async Task SeenAsync(string what, Func<Frame, bool> isOne, int count = 1)
    {
        var wait = new Wait(isOne, count);
        lock (_lock)
        {
            if (!wait.IsOver(_frames))
            {
                _waits.Add(wait);
            }
        }

        await BoundedAsync(wait.Task, what);
    }

    /// <summary>Waits for something that takes milliseconds, but not for ever.</summary>
    public static async Task BoundedAsync(Task task, string what)
    {
        try
        {
            await task.WaitAsync(s_patience);
        }
        catch (TimeoutException e)
        {
            throw new TimeoutException($"No sign of {what} within {s_patience.TotalSeconds} seconds", e);
        }
    }

    /// <summary>Takes out the frames seen so far, in the order in which they crossed the wire; all, or those that are asked for.</summary>
    public ImmutableArray<Frame> Take(Func<Frame, bool>? which = null)
    {
        lock (_lock)
        {
            ImmutableArray<Frame> taken = [.. _frames.Where(which ?? (_ => true))];
            _frames.RemoveAll(frame => taken.Contains(frame));
            return taken;
        }
    }

    private sealed class Wait(Func<Frame, bool> isOne, int count)
    {
        private readonly TaskCompletionSource _over = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Task => _over.Task;

        public bool IsOver(List<Frame> frames) => frames.Count(isOne) >= count && _over.TrySetResult();
    }
}
