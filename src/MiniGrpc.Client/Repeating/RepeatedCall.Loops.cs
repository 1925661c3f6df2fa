using Grpc.Core;

using MiniGrpc.Client.Configuration;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client.Repeating;

/// <content>When attempts are started, and which one is chosen: one after the other (retries) or beside each other (hedging).</content>
internal abstract partial class RepeatedCall<TRequest, TResponse>
{
    private bool _mayRepeatUnseen = true;
    private PostedCompletion? _waiter;
    private bool _signalled;

    private bool IsDecided => Volatile.Read(ref _decision) is not null;

    private TimeProvider Time => _channel.Options.TimeProvider;

    /// <summary>
    /// The resolver hasn't found anything yet, and what the call goes by comes with that. Until then the channel's own service config says how
    /// long it may take.
    /// </summary>
    private async Task AwaitConfigAsync()
    {
        CallOptions given = _options;
        _options = _plan.Apply(given, _startedAt);
        Task found = _channel.Core.BeginToAwaitConfig();
        using var over = new CancellationTokenSource();
        try
        {
            _ = SignalAfterAsync(found, over.Token);
            while (!found.IsCompleted && !IsDecided)
            {
                await WaitForEventOrDeadlineAsync(Timeout.InfiniteTimeSpan).ConfigureAwait(false);
            }
        }
        finally
        {
            over.Cancel(); // or the channel would hold on to a call that has ended
            _channel.Core.EndToAwaitConfig();
        }

        _plan = _channel.PlanOf(_method);
        _encodedMethod = _plan.Encoded(_method);
        _options = _plan.Apply(given, _startedAt);
    }

    private async Task SignalAfterAsync(Task found, CancellationToken over)
    {
        await found.WaitAsync(over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        Signal();
    }

    /// <summary>An attempt is made, and when it fails in a way that may pass another one after a wait, as often as the policy allows.</summary>
    private async Task RetryAsync()
    {
        Backoff? backoff = _plan.Parameters.Retry is { } retry ? Backoff.OfRetries(retry, _channel.Options.Random) : null;
        for (int attempts = 1; !IsDecided; attempts++)
        {
            Attempt attempt = StartAttempt(attempts - 1);
            while (attempt.State == AttemptState.UnderWay && !IsDecided)
            {
                await WaitForEventAsync(Timeout.InfiniteTimeSpan).ConfigureAwait(false);
            }

            TimeSpan wait = TimeSpan.Zero;
            if (MayRepeatUnseen(attempt))
            {
                attempts--; // it doesn't count
            }
            else if (attempt.State == AttemptState.Answered || backoff is null || !MayRetry(attempt, attempts, backoff, out wait))
            {
                Choose(attempt);
            }

            await SleepAsync(wait).ConfigureAwait(false);
        }
    }

    /// <summary>Whether no server has seen an attempt that has failed: once for each call that is as if it had not been made (gRFC A6, transparent retries).</summary>
    private bool MayRepeatUnseen(Attempt attempt)
    {
        bool mayRepeat = _mayRepeatUnseen && attempt.State == AttemptState.Failed && attempt.Call.WasUnprocessed;
        _mayRepeatUnseen &= !mayRepeat;
        return mayRepeat;
    }

    /// <summary>Whether another attempt is made after one that has failed, and after which wait.</summary>
    private bool MayRetry(Attempt failed, int attempts, Backoff backoff, out TimeSpan wait)
    {
        wait = TimeSpan.Zero;
        if (IsDecided || failed.Call.DeadlineHasPassed || failed.Call.WasDropped)
        {
            return false;
        }

        RetryParameters retry = _plan.Parameters.Retry!;
        TimeSpan? pushback = PushbackOf(failed);
        bool isRetryable = retry.RetryableStatusCodes.Contains(failed.Call.GetStatus().StatusCode);
        bool isThrottled = (isRetryable || pushback < TimeSpan.Zero) && _channel.RetryThrottle?.RecordFailure() == false;
        if (!isRetryable || isThrottled || pushback < TimeSpan.Zero || attempts >= retry.MaxAttempts)
        {
            return false;
        }

        if (pushback is { } asked)
        {
            backoff.Reset();
            wait = asked;
        }
        else
        {
            wait = backoff.Next();
        }

        return true;
    }

    /// <summary>
    /// Attempts are started one delay after the other, or at once when one has failed in a way that another may not; the first whose
    /// response begins is chosen, or the first that fails for good.
    /// </summary>
    private async Task HedgeAsync()
    {
        HedgingParameters hedging = _plan.Parameters.Hedging!;
        var started = new List<Attempt>();
        TimeSpan untilNext = TimeSpan.Zero;
        bool isWelcome = true;
        while (!IsDecided)
        {
            long now = Time.GetTimestamp();
            if (started.RemoveAll(MayRepeatUnseen) > 0)
            {
                untilNext = TimeSpan.Zero;
            }

            if (Decisive(started, hedging, ref untilNext, ref isWelcome) is { } decisive)
            {
                Choose(decisive);
                return;
            }

            bool mayStart = isWelcome && started.Count < hedging.MaxAttempts && (started.Count == 0 || _channel.RetryThrottle?.AllowsRetries != false);
            if (mayStart && untilNext <= TimeSpan.Zero)
            {
                started.Add(StartAttempt(started.Count));
                untilNext = hedging.HedgingDelay;
            }
            else if (!mayStart && started.TrueForAll(attempt => attempt.State == AttemptState.Failed))
            {
                Choose(started[^1]);
            }
            else
            {
                await WaitForEventOrDeadlineAsync(mayStart ? untilNext : Timeout.InfiniteTimeSpan).ConfigureAwait(false);
                untilNext -= Time.GetElapsedTime(now);
            }
        }
    }

    /// <summary>The attempt that ends the hedging, if there is one; what the others that have failed mean for the next one.</summary>
    private Attempt? Decisive(List<Attempt> started, HedgingParameters hedging, ref TimeSpan untilNext, ref bool isWelcome)
    {
        foreach (Attempt attempt in started)
        {
            if (attempt.State == AttemptState.Answered)
            {
                return attempt;
            }

            if (attempt.State != AttemptState.Failed || attempt.IsCounted)
            {
                continue;
            }

            attempt.IsCounted = true;
            TimeSpan? pushback = PushbackOf(attempt);
            bool isFatal = attempt.Call.DeadlineHasPassed || attempt.Call.WasDropped || !hedging.NonFatalStatusCodes.Contains(attempt.Call.GetStatus().StatusCode);
            if (!isFatal || pushback < TimeSpan.Zero)
            {
                _channel.RetryThrottle?.RecordFailure();
            }

            if (isFatal)
            {
                return attempt;
            }

            isWelcome &= !(pushback < TimeSpan.Zero);
            untilNext = pushback ?? TimeSpan.Zero;
        }

        return null;
    }

    /// <summary>Waits, unless the call is decided meanwhile; that it is too late ends it.</summary>
    private async Task SleepAsync(TimeSpan wait)
    {
        long start = Time.GetTimestamp();
        for (TimeSpan left = wait; left > TimeSpan.Zero && !IsDecided; left = wait - Time.GetElapsedTime(start))
        {
            await WaitForEventOrDeadlineAsync(left).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Waits for an event, for <paramref name="limit"/> at the most, or for the call's deadline: while no attempt is under way, nobody else
    /// looks at it, and servers may ask for any pause.
    /// </summary>
    private async Task WaitForEventOrDeadlineAsync(TimeSpan limit)
    {
        TimeSpan untilDeadline = _options.Deadline is { } deadline && deadline != DateTime.MaxValue && _attempts.TrueForAll(attempt => attempt.State == AttemptState.Failed)
            ? deadline - Time.GetUtcNow().UtcDateTime : TimeSpan.MaxValue;
        if (untilDeadline <= TimeSpan.Zero)
        {
            Cancel(new Status(StatusCode.DeadlineExceeded, ClientCall.DeadlinePassed));
        }
        else
        {
            bool deadlineIsFirst = limit == Timeout.InfiniteTimeSpan ? untilDeadline < TimeSpan.MaxValue : untilDeadline < limit;
            await WaitForEventAsync(deadlineIsFirst ? untilDeadline : limit).ConfigureAwait(false);
        }
    }

    /// <summary>Completes when something has happened to an attempt or to the call, or when <paramref name="limit"/> has passed.</summary>
    private async Task WaitForEventAsync(TimeSpan limit)
    {
        PostedCompletion waiter;
        lock (_lock)
        {
            if (_signalled)
            {
                _signalled = false;
                return;
            }

            waiter = _waiter = new PostedCompletion();
        }

        TimeSpan due = limit > s_longestTimer ? s_longestTimer : limit;
        using (limit == Timeout.InfiniteTimeSpan
            ? null
            : Time.CreateTimer(static call => ((RepeatedCall<TRequest, TResponse>)call!).Signal(), this, due, Timeout.InfiniteTimeSpan))
        {
            await waiter.Task.ConfigureAwait(false);
        }

        lock (_lock)
        {
            _signalled = false;
            _waiter = null;
        }
    }

    /// <summary>Wakes the loop.</summary>
    private void Signal()
    {
        PostedCompletion? waiter;
        lock (_lock)
        {
            waiter = _waiter;
            _waiter = null;
            _signalled = waiter is null;
        }

        if (waiter is not null)
        {
            _channel.Core.Dispatcher.Post(waiter);
        }
    }

    /// <summary>Timers can't take longer waits; whoever waits looks again.</summary>
    private static readonly TimeSpan s_longestTimer = TimeSpan.FromDays(24);
}
