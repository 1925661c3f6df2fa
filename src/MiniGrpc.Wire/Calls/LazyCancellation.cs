using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// A cancellation token that is made when somebody asks for it, and cancelled away from the caller: the callbacks that
/// users register must not run on the receive loop or on a timer's thread.
/// </summary>
/// <remarks>Any thread. The source is never disposed of: it holds nothing that needs it, and a cancel may be under way.</remarks>
internal struct LazyCancellation
{
    private static readonly CancellationTokenSource s_cancelled = CreateCancelled();

    private CancellationTokenSource? _source;

    /// <summary>Whether <see cref="Cancel"/> was called.</summary>
    public readonly bool IsCancelled => ReferenceEquals(_source, s_cancelled) || (_source?.IsCancellationRequested ?? false);

    /// <summary>The token.</summary>
    public CancellationToken Token
    {
        get
        {
            CancellationTokenSource? source = Volatile.Read(ref _source);
            if (source is null)
            {
                var created = new CancellationTokenSource();
                source = Interlocked.CompareExchange(ref _source, created, null) ?? created;
            }

            return source.Token;
        }
    }

    /// <summary>Cancels the token; callbacks run on <paramref name="dispatcher"/>, and the task has what they throw.</summary>
    public Task Cancel(IDispatcher dispatcher)
    {
        CancellationTokenSource? source = Interlocked.CompareExchange(ref _source, s_cancelled, null);
        return source is null || ReferenceEquals(source, s_cancelled) ? Task.CompletedTask : dispatcher.Cancel(source);
    }

    private static CancellationTokenSource CreateCancelled()
    {
        var source = new CancellationTokenSource();
        source.Cancel();
        return source;
    }
}
