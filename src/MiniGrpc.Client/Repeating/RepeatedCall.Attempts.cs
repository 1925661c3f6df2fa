using System.Globalization;

using Grpc.Core;

using MiniGrpc.Client.Diagnostics;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client.Repeating;

/// <content>The attempts: how they are started, fed with requests, and watched.</content>
internal abstract partial class RepeatedCall<TRequest, TResponse>
{
    /// <summary>Starts an attempt: a call that reads the requests from the first one on.</summary>
    private Attempt StartAttempt(int previous)
    {
        TypedCall<EncodedMessage, TResponse> call = CreateAttempt(_channel, _encodedMethod, _options);
        call.AttemptNumber = previous + 1;
        call.Observer = _observer is null ? null : new AttemptObserver(_observer);
        var attempt = new Attempt(call);
        lock (_lock)
        {
            _attempts.Add(attempt);
        }

        if (Volatile.Read(ref _decision) is not null)
        {
            call.Dispose(); // decided just before
        }
        else if (_mustChoose)
        {
            Choose(attempt);
        }

        if (call.AsksCredentials && _caller is not null)
        {
            ExecutionContext.Run(_caller, _ => Start(attempt), null); // whose token it is may stand in the caller's ambient values
        }
        else
        {
            Start(attempt);
        }

        _ = Detached.Start(() => WatchAsync(attempt));
        return attempt;
    }

    private void Start(Attempt attempt)
    {
        if (_onlyRequest is not null)
        {
            attempt.Call.Start(_onlyRequest);
        }
        else
        {
            attempt.Call.StartStreaming();
            _ = Detached.Start(() => SendAsync(attempt));
        }
    }

    /// <summary>Sends the requests on an attempt, until it ends or there are no more.</summary>
    private async Task SendAsync(Attempt attempt)
    {
        try
        {
            for (int number = 0; await Log.ReadAsync(number).ConfigureAwait(false) is { } message; number++)
            {
                if (!await attempt.Call.WriteAsync(message.Message, message.Options).ConfigureAwait(false))
                {
                    return;
                }

                attempt.NoteSent(number + 1); // before it is looked whether it is chosen: who chooses it looks at this
                Log.OnWritten(number, Volatile.Read(ref _decision)?.Chosen == attempt.Call);
            }

            await attempt.Call.CompleteAsync().ConfigureAwait(false);
        }
        catch (Exception e)
        {
            // A compression of the user's that fails, whatever it throws: that is the attempt's end.
            attempt.Call.End(LocalStatus.OfRequest(e), abort: true);
        }
    }

    /// <summary>Says when the response of an attempt has begun, or that it has failed.</summary>
    private async Task WatchAsync(Attempt attempt)
    {
        try
        {
            await attempt.Call.ResponseHeaders.ConfigureAwait(false);
            attempt.State = AttemptState.Answered;
        }
        catch (RpcException)
        {
            attempt.State = AttemptState.Failed; // its status says why
        }

        Signal();
    }

    /// <summary>How long the server wants to be left alone after a failed attempt; null if it says nothing, negative if it wants no other.</summary>
    private static TimeSpan? PushbackOf(Attempt attempt)
    {
        if (attempt.Call.GetTrailers().Get(PushbackName) is not { } entry)
        {
            return null;
        }

        return int.TryParse(entry.Value, NumberStyles.None, CultureInfo.InvariantCulture, out int milliseconds)
            ? TimeSpan.FromMilliseconds(milliseconds)
            : Timeout.InfiniteTimeSpan;
    }

    /// <summary>One attempt.</summary>
    private sealed class Attempt(TypedCall<EncodedMessage, TResponse> call)
    {
        private int _state;
        private int _sent;

        /// <summary>How many requests it has sent.</summary>
        public int Sent => Volatile.Read(ref _sent);

        public TypedCall<EncodedMessage, TResponse> Call { get; } = call;

        /// <summary>How it stands.</summary>
        public AttemptState State
        {
            get => (AttemptState)Volatile.Read(ref _state);
            set => Volatile.Write(ref _state, (int)value);
        }

        /// <summary>Whether the loop has seen that it failed.</summary>
        public bool IsCounted { get; set; }

        /// <summary>It has sent <paramref name="count"/> requests.</summary>
        public void NoteSent(int count) => Interlocked.Exchange(ref _sent, count); // a full fence
    }
}

/// <summary>How an attempt stands.</summary>
internal enum AttemptState
{
    /// <summary>Nothing has come in.</summary>
    UnderWay,

    /// <summary>Its response has begun.</summary>
    Answered,

    /// <summary>It has ended without a response.</summary>
    Failed,
}
