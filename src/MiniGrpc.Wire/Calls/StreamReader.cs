using Grpc.Core;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// Reads the messages of a stream one after the other, for a handler or for a caller. A message that is there already is
/// read at once and on the reader's own thread; otherwise the receive loop wakes the reader when one is complete.
/// </summary>
/// <remarks>
/// One read at a time. What crosses threads is <c>_pending</c>: null, the read that waits, or a note that a wake came
/// while nobody waited. Whoever takes the waiting read out of it completes it.
/// </remarks>
internal abstract class StreamReader<T> : IAsyncStreamReader<T>
{
    private static readonly object s_woken = new();
    private static readonly Task<bool> s_message = Task.FromResult(true);
    private static readonly Task<bool> s_end = Task.FromResult(false);

    private object? _pending;
    private bool _ended;

    /// <inheritdoc />
    public T Current { get; private set; } = default!;

    /// <inheritdoc />
    public Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested && !EndCall())
        {
            return Task.FromCanceled<bool>(cancellationToken);
        }

        if (Volatile.Read(ref _pending) is Read)
        {
            throw new InvalidOperationException("Can't read the next message because the previous read is still in progress.");
        }

        Read? read = null;
        while (true)
        {
            InboxStatus status = Step(out Exception? error);
            if (status != InboxStatus.Waiting)
            {
                return status switch
                {
                    InboxStatus.Message => s_message,
                    InboxStatus.End => s_end,
                    _ => Task.FromException<bool>(error!),
                };
            }

            read ??= new Read();
            object? seen = Interlocked.CompareExchange(ref _pending, read, null);
            if (seen is null)
            {
                return cancellationToken.CanBeCanceled ? WaitAsync(read, cancellationToken) : read.Task;
            }

            Volatile.Write(ref _pending, null); // woken between looking and waiting: look again
        }
    }

    /// <summary>Something has changed: a waiting read looks again, and completes if it can. Runs on the thread pool.</summary>
    internal void Resume()
    {
        if (Interlocked.Exchange(ref _pending, null) is not Read read)
        {
            Interlocked.CompareExchange(ref _pending, s_woken, null);
            return;
        }

        while (true)
        {
            InboxStatus status = Step(out Exception? error);
            if (status == InboxStatus.Waiting)
            {
                if (Interlocked.CompareExchange(ref _pending, read, null) is null)
                {
                    return;
                }

                Volatile.Write(ref _pending, null);
                continue;
            }

            // The reader's continuation runs here, on the pool thread that was woken for it.
            if (error is not null)
            {
                read.TrySetException(error);
            }
            else
            {
                read.TrySetResult(status == InboxStatus.Message);
            }

            return;
        }
    }

    /// <summary>Looks for the next message: <see cref="InboxStatus.Error"/> comes with the exception to throw.</summary>
    protected abstract InboxStatus ReadNext(out T message, out Exception? error);

    /// <summary>
    /// The token of a read was cancelled. A client's call ends by that, and the read with it; on a server only the read
    /// ends, which false says.
    /// </summary>
    protected virtual bool EndCall() => false;

    private InboxStatus Step(out Exception? error)
    {
        error = null;
        if (_ended)
        {
            return InboxStatus.End;
        }

        InboxStatus status = ReadNext(out T message, out error);
        Current = message;
        _ended = status == InboxStatus.End;
        return status;
    }

    private async Task<bool> WaitAsync(Read read, CancellationToken cancellationToken)
    {
        using (cancellationToken.UnsafeRegister(
            static (state, token) =>
            {
                var (reader, read) = ((StreamReader<T>, Read))state!;
                if (!reader.EndCall())
                {
                    Interlocked.CompareExchange(ref reader._pending, null, read);
                    read.TrySetCanceled(token);
                }
            },
            (this, read)))
        {
            return await read.Task.ConfigureAwait(false);
        }
    }

    private sealed class Read : TaskCompletionSource<bool>;
}
