using Grpc.Core;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// Reads the messages of a stream one after the other, for a handler or for a caller. A message that is there already is
/// read at once and on the reader's own thread; otherwise the receive loop wakes the reader when one is complete.
/// </summary>
/// <remarks>
/// One read at a time. What crosses threads is <c>_pending</c>: null when nobody reads, a marker while somebody looks at the
/// stream, or the read that waits. Only who takes the waiting read out of it may look at the stream or complete it. A wake
/// that comes while somebody looks leaves a note in <c>_woken</c>, and whoever was looking looks again.
/// </remarks>
internal abstract class StreamReader<T> : IAsyncStreamReader<T>
{
    private static readonly object s_looking = new();
    private static readonly Task<bool> s_message = Task.FromResult(true);
    private static readonly Task<bool> s_end = Task.FromResult(false);

    private object? _pending;
    private int _woken;
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

        if (Interlocked.CompareExchange(ref _pending, s_looking, null) is not null)
        {
            throw new InvalidOperationException("Can't read the next message because the previous read is still in progress.");
        }

        Read? read = null;
        if (!Look(ref read, cancellationToken, out InboxStatus status, out Exception? error))
        {
            return cancellationToken.CanBeCanceled ? WaitAsync(read!, cancellationToken) : read!.Task;
        }

        return status switch
        {
            InboxStatus.Message => s_message,
            InboxStatus.End => s_end,
            _ => Task.FromException<bool>(error!),
        };
    }

    /// <summary>Something has changed: a waiting read looks again, and completes if it can. Runs on the thread pool.</summary>
    internal void Resume()
    {
        Interlocked.Exchange(ref _woken, 1);
        if (Volatile.Read(ref _pending) is not Read read || !TryReplace(read, s_looking))
        {
            return; // nobody waits, or somebody is looking and will see the note
        }

        if (!Look(ref read!, read.Token, out InboxStatus status, out Exception? error))
        {
            return;
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
    }

    /// <summary>Looks for the next message: <see cref="InboxStatus.Error"/> comes with the exception to throw.</summary>
    protected abstract InboxStatus ReadNext(out T message, out Exception? error);

    /// <summary>
    /// The token of a read was cancelled. A client's call ends by that, and the read with it; on a server only the read
    /// ends, which false says.
    /// </summary>
    protected virtual bool EndCall() => false;

    /// <summary>With the marker in <c>_pending</c>: looks until there is a result, or leaves <paramref name="read"/> waiting and says false.</summary>
    private bool Look(ref Read? read, CancellationToken token, out InboxStatus status, out Exception? error)
    {
        while (true)
        {
            Interlocked.Exchange(ref _woken, 0);
            status = Step(out error);
            if (status != InboxStatus.Waiting)
            {
                Volatile.Write(ref _pending, null);
                return true;
            }

            read ??= new Read(token);
            Interlocked.Exchange(ref _pending, read);
            if (read.Token.IsCancellationRequested)
            {
                Cancel(read); // its callback may have run while the read was not there to be cancelled
            }

            if (Volatile.Read(ref _woken) == 0 || !TryReplace(read, s_looking))
            {
                return false;
            }
        }
    }

    private bool TryReplace(Read read, object? next) => ReferenceEquals(Interlocked.CompareExchange(ref _pending, next, read), read);

    private void Cancel(Read read)
    {
        if (!EndCall() && TryReplace(read, null))
        {
            read.TrySetCanceled(read.Token);
        }
    }

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
            static state =>
            {
                var (reader, read) = ((StreamReader<T>, Read))state!;
                reader.Cancel(read);
            },
            (this, read)))
        {
            return await read.Task.ConfigureAwait(false);
        }
    }

    private sealed class Read(CancellationToken token) : TaskCompletionSource<bool>
    {
        public CancellationToken Token => token;
    }
}
