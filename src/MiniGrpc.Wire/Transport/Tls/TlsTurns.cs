namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>
/// Keeps the end of our direction out of the reader's way. <see cref="System.Net.Security.SslStream"/> guards reads and writes against each
/// other, but not its shutdown: that may come while TLS decrypts, and a TLS library that works on one connection twice at once
/// damages the memory of the process.
/// </summary>
/// <remarks>
/// Threading: the reader enters and leaves, and holds no lock in between; whoever ends our direction does so at once while no reader is
/// inside, or leaves it to the reader, who does it when it leaves. The reader is inside for as long as it decrypts, and not while it waits
/// for the transport. Under the lock TLS writes its last record: that waits for nobody.
/// </remarks>
internal sealed class TlsTurns
{
    private readonly Lock _lock = new();
    private bool _isInside;
    private Func<Task>? _shutdown;
    private TaskCompletionSource<Task>? _started;

    /// <summary>From here on the reader may be inside of TLS.</summary>
    public void Enter()
    {
        lock (_lock)
        {
            _isInside = true;
        }
    }

    /// <summary>The reader waits for the transport, or has what it was to read.</summary>
    public void Leave()
    {
        lock (_lock)
        {
            _isInside = false;
            if (_started is not null)
            {
                _started.TrySetResult(Start(_shutdown!));
                _started = null;
            }
        }
    }

    /// <summary>Runs <paramref name="shutdown"/>, which begins with work inside of TLS, while no reader is there. Once.</summary>
    public async Task ShutdownAsync(Func<Task> shutdown)
    {
        Task<Task> started;
        lock (_lock)
        {
            if (_isInside)
            {
                _shutdown = shutdown;
                _started = new TaskCompletionSource<Task>(TaskCreationOptions.RunContinuationsAsynchronously);
                started = _started.Task;
            }
            else
            {
                started = Task.FromResult(Start(shutdown));
            }
        }

        await (await started.ConfigureAwait(false)).ConfigureAwait(false);
    }

    /// <summary>What it throws is for who asked for it, and not for the reader.</summary>
    private static Task Start(Func<Task> shutdown)
    {
        try
        {
            return shutdown();
        }
        catch (Exception e)
        {
            return Task.FromException(e);
        }
    }
}
