using MiniGrpc.Conformance.Fuzz.Engine;

namespace MiniGrpc.Conformance.Fuzz.Sessions;

/// <summary>Waits for what must come. Nothing depends on how long, but that it fails some time.</summary>
internal static class Waits
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    /// <summary>Waits for a task, and says what it was if it doesn't end.</summary>
    public static async Task WithinAsync(Task task, string what)
    {
        try
        {
            await task.WaitAsync(s_patience);
        }
        catch (TimeoutException)
        {
            throw new FuzzException($"Waited {s_patience.TotalSeconds} s in vain for {what}.");
        }
    }

    /// <summary>
    /// Waits for what other threads bring about and don't announce, by looking again and again: it is a counter of the engine, and a signal
    /// at it would be product code for tests alone.
    /// </summary>
    public static async Task UntilAsync(Func<bool> condition, string what)
    {
        long start = TimeProvider.System.GetTimestamp();
        for (int turns = 0; !condition(); turns++)
        {
            FuzzException.Require(TimeProvider.System.GetElapsedTime(start) < s_patience, $"Waited {s_patience.TotalSeconds} s in vain for {what}.");
            await (turns < 100 ? GiveWayAsync() : Task.Delay(1));
        }
    }

    /// <summary>Lets those who wait for a thread of the pool go first.</summary>
    public static async Task GiveWayAsync() => await Task.Yield();
}
