using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client;

/// <content>The channel's connectivity state, and those who wait for it to change.</content>
internal sealed partial class ChannelCore
{
    private ConnectivityState _state;
    private PostedCompletion _nextChange = new();

    /// <summary>The state now.</summary>
    public ConnectivityState State
    {
        get
        {
            lock (_lock)
            {
                return _state;
            }
        }
    }

    /// <summary>Completes when the state is another one than <paramref name="last"/>.</summary>
    public Task WaitForStateChangedAsync(ConnectivityState last, CancellationToken cancellationToken)
    {
        Task change;
        lock (_lock)
        {
            if (_state != last)
            {
                return Task.CompletedTask;
            }

            change = _nextChange.Task;
        }

        return change.WaitAsync(cancellationToken);
    }

    /// <summary>Connects, and completes when there is a connection.</summary>
    /// <exception cref="ObjectDisposedException">The channel was closed.</exception>
    public async Task ConnectAsync(CancellationToken cancellationToken)
    {
        for (ConnectivityState state = State; state != ConnectivityState.Ready; state = State)
        {
            ObjectDisposedException.ThrowIf(state == ConnectivityState.Shutdown, typeof(MiniChannel));
            if (state == ConnectivityState.Idle)
            {
                RequestConnection();
            }

            await WaitForStateChangedAsync(state, cancellationToken).ConfigureAwait(false);
        }
    }

    private void SetState(ConnectivityState state)
    {
        PostedCompletion change;
        lock (_lock)
        {
            if (_state == state || _state == ConnectivityState.Shutdown)
            {
                return;
            }

            _state = state;
            change = _nextChange;
            _nextChange = new PostedCompletion();
        }

        Dispatcher.Post(change);
    }
}
