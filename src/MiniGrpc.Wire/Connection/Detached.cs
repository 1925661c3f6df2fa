namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Starts what belongs to no caller, such as a connection. Whoever happens to start it leaves none of its
/// <see cref="AsyncLocal{T}"/> values behind (its <see cref="System.Diagnostics.Activity"/>, for one): they would be kept for as
/// long as the connection lives, and its handlers would see them.
/// </summary>
internal static class Detached
{
    /// <summary>Calls <paramref name="work"/>.</summary>
    public static Task Start(Func<Task> work)
    {
        if (ExecutionContext.IsFlowSuppressed())
        {
            return work();
        }

        using (ExecutionContext.SuppressFlow())
        {
            return work();
        }
    }
}
