using System.Runtime.CompilerServices;

namespace MiniGrpc.Wire.Connection;

/// <summary>Goes on as work of a dispatcher: <c>await dispatcher.Yield();</c> at the start of what must not hold up its caller.</summary>
internal static class DispatcherYield
{
    /// <summary>Something to await once; what stands behind the await runs as a posted item.</summary>
    public static Awaitable Yield(this IDispatcher dispatcher) => new(dispatcher);

    /// <summary>What <c>await</c> asks for; it is never complete beforehand.</summary>
    internal readonly struct Awaitable(IDispatcher dispatcher) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public Awaitable GetAwaiter() => this;

        public void GetResult()
        {
            // Nothing comes out of having waited.
        }

        public void OnCompleted(Action continuation) => UnsafeOnCompleted(continuation);

        public void UnsafeOnCompleted(Action continuation) => dispatcher.Post(new Continuation(continuation));
    }

    private sealed class Continuation(Action run) : IThreadPoolWorkItem
    {
        public void Execute() => run();
    }
}
