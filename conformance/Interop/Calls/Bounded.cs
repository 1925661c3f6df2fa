using System.Runtime.CompilerServices;

namespace MiniGrpc.Conformance.Interop.Calls;

/// <summary>Waits that end: far later than anything takes on a busy machine, and with the name of what did not happen.</summary>
internal static class Bounded
{
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    public static Task WithinLimit(this Task task, [CallerArgumentExpression(nameof(task))] string what = "") => Within(task, Limit, what);

    public static async Task<T> WithinLimit<T>(this Task<T> task, [CallerArgumentExpression(nameof(task))] string what = "")
    {
        await WithinLimit((Task)task, what);
        return await task;
    }

    public static async Task Within(this Task task, TimeSpan limit, string what)
    {
        try
        {
            await task.WaitAsync(limit);
        }
        catch (TimeoutException) when (!task.IsCompleted)
        {
            throw new TimeoutException($"Still waiting after {limit.TotalSeconds} s: {what}");
        }
    }
}
