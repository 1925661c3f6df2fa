using Grpc.Core;

using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client.Repeating;

/// <summary>A request and how its writer wanted it to be sent.</summary>
internal sealed record LoggedRequest(EncodedMessage Message, WriteOptions? Options);

/// <summary>
/// The requests of a call that may be tried again: each attempt reads them from the first one on, while the caller adds to their end.
/// When one attempt is the last, what it has sent is dropped.
/// </summary>
/// <remarks>Thread-safe: a lock guards all of it. Nobody runs under it; those who wait are posted.</remarks>
internal sealed class RequestLog(RetryBuffer buffer, long? limit, IDispatcher dispatcher)
{
    private readonly Lock _lock = new();
    private readonly List<LoggedRequest?> _messages = [];
    private PostedCompletion? _change;
    private int _base;
    private int _first;
    private int _written;
    private long _kept;
    private bool _isComplete;
    private bool _isCommitted;
    private bool _isClosed;

    /// <summary>
    /// Adds a request and returns its number. <paramref name="fits"/> is false when it takes more room than there is: the attempt that is
    /// under way has to be the last.
    /// </summary>
    public int Add(EncodedMessage message, WriteOptions? options, out bool fits)
    {
        lock (_lock)
        {
            if (_isClosed)
            {
                fits = true;
                return _base; // which is never written
            }

            fits = _isCommitted || (_kept + message.Room <= (limit ?? long.MaxValue) && buffer.TryTake(message.Room));
            if (fits && !_isCommitted)
            {
                _kept += message.Room;
            }

            _messages.Add(new LoggedRequest(message, options));
            Announce();
            return _base + _messages.Count - 1;
        }
    }

    /// <summary>No more requests follow.</summary>
    public void Complete()
    {
        lock (_lock)
        {
            _isComplete = true;
            Announce();
        }
    }

    /// <summary>One attempt is the last: the <paramref name="sent"/> requests that it has sent are let go, and no more room is asked for.</summary>
    public void Commit(int sent)
    {
        lock (_lock)
        {
            _isCommitted = true;
            Drop(sent);
            ReturnRoom();
        }
    }

    /// <summary>The call has ended: nobody reads or waits any more.</summary>
    public void Close()
    {
        lock (_lock)
        {
            _isClosed = true;
            _base += _messages.Count;
            _first = _base;
            _messages.Clear();
            ReturnRoom();
            Announce();
        }
    }

    /// <summary>The request <paramref name="number"/>, when it is there; null when none will follow, or the call has ended.</summary>
    public async Task<LoggedRequest?> ReadAsync(int number)
    {
        while (true)
        {
            Task change;
            lock (_lock)
            {
                if (_isClosed || number < _first)
                {
                    return null; // of an attempt that lags behind the one that was chosen
                }

                if (number - _base < _messages.Count)
                {
                    return _messages[number - _base];
                }

                if (_isComplete)
                {
                    return null;
                }

                change = NextChange();
            }

            await change.ConfigureAwait(false);
        }
    }

    /// <summary>An attempt has sent the request <paramref name="number"/>.</summary>
    public void OnWritten(int number, bool isChosen)
    {
        lock (_lock)
        {
            _written = Math.Max(_written, number + 1);
            if (isChosen && _isCommitted)
            {
                Drop(number + 1);
            }

            Announce();
        }
    }

    /// <summary>Completes when some attempt has sent the request <paramref name="number"/>; false when the call has ended before.</summary>
    public async Task<bool> WaitUntilWrittenAsync(int number)
    {
        while (true)
        {
            Task change;
            lock (_lock)
            {
                if (_written > number)
                {
                    return true;
                }

                if (_isClosed)
                {
                    return false;
                }

                change = NextChange();
            }

            await change.ConfigureAwait(false);
        }
    }

    /// <summary>What was sent before <paramref name="first"/> is not needed any more.</summary>
    private void Drop(int first)
    {
        for (; _first < first && _first - _base < _messages.Count; _first++)
        {
            _messages[_first - _base] = null;
        }

        int dropped = _first - _base;
        if (dropped > 16 && dropped > _messages.Count / 2)
        {
            _messages.RemoveRange(0, dropped);
            _base = _first;
        }
    }

    private Task NextChange() => (_change ??= new PostedCompletion()).Task;

    private void Announce()
    {
        if (_change is { } change)
        {
            _change = null;
            dispatcher.Post(change);
        }
    }

    private void ReturnRoom()
    {
        buffer.Return(_kept);
        _kept = 0;
    }
}
