using Grpc.Core;

namespace MiniGrpc.Server;

/// <summary>
/// A child call that two tokens cancel: its own and its parent's. They are joined for as long as the call lasts and no longer, since
/// either of them may live as long as the program. The default value is a call that one token is enough for.
/// </summary>
internal readonly struct PropagatedCall : IDisposable
{
    private readonly CancellationTokenSource? _both;

    private PropagatedCall(CancellationTokenSource? both) => _both = both;

    /// <summary>Makes the token that both cancel.</summary>
    public static PropagatedCall Link(CancellationToken own, CancellationToken parents, out CancellationToken token)
    {
        if (!own.CanBeCanceled || own == parents)
        {
            token = parents;
            return default;
        }

        var both = CancellationTokenSource.CreateLinkedTokenSource(own, parents);
        token = both.Token;
        return new PropagatedCall(both);
    }

    /// <summary>Starts the call, and has the tokens parted when it has ended.</summary>
    public TCall Start<TCall>(Func<TCall> start, Func<TCall, PropagatedCall, TCall> watch)
    {
        if (_both is null)
        {
            return start();
        }

        try
        {
            return watch(start(), this);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc />
    public void Dispose() => _both?.Dispose();

    /// <summary>The response is the end of a call that has one.</summary>
    public AsyncUnaryCall<TResponse> Until<TResponse>(AsyncUnaryCall<TResponse> call)
    {
        DisposeAfter(call.ResponseAsync);
        return call;
    }

    /// <inheritdoc cref="Until{TResponse}(AsyncUnaryCall{TResponse})"/>
    public AsyncClientStreamingCall<TRequest, TResponse> Until<TRequest, TResponse>(AsyncClientStreamingCall<TRequest, TResponse> call)
    {
        DisposeAfter(call.ResponseAsync);
        return call;
    }

    /// <summary>The end of its responses is the end of a call that has many, or that it is disposed of.</summary>
    public AsyncServerStreamingCall<TResponse> Until<TResponse>(AsyncServerStreamingCall<TResponse> call)
    {
        CancellationTokenSource? both = _both;
        return new AsyncServerStreamingCall<TResponse>(
            new Reader<TResponse>(call.ResponseStream, this),
            call.ResponseHeadersAsync,
            call.GetStatus,
            call.GetTrailers,
            () =>
            {
                call.Dispose();
                both?.Dispose();
            });
    }

    /// <inheritdoc cref="Until{TResponse}(AsyncServerStreamingCall{TResponse})"/>
    public AsyncDuplexStreamingCall<TRequest, TResponse> Until<TRequest, TResponse>(AsyncDuplexStreamingCall<TRequest, TResponse> call)
    {
        CancellationTokenSource? both = _both;
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(
            call.RequestStream,
            new Reader<TResponse>(call.ResponseStream, this),
            call.ResponseHeadersAsync,
            call.GetStatus,
            call.GetTrailers,
            () =>
            {
                call.Dispose();
                both?.Dispose();
            });
    }

    private void DisposeAfter(Task end) => end.ContinueWith(
        static (_, both) => ((CancellationTokenSource)both!).Dispose(),
        _both,
        CancellationToken.None,
        TaskContinuationOptions.ExecuteSynchronously,
        TaskScheduler.Default);

    /// <summary>The call's responses, watched for their end.</summary>
    private sealed class Reader<T>(IAsyncStreamReader<T> responses, PropagatedCall call) : IAsyncStreamReader<T>
    {
        public T Current => responses.Current;

        public async Task<bool> MoveNext(CancellationToken cancellationToken)
        {
            bool goesOn = false;
            try
            {
                goesOn = await responses.MoveNext(cancellationToken).ConfigureAwait(false);
            }
            catch (InvalidOperationException)
            {
                goesOn = true; // a mistake of the reader's: the call is as it was
                throw;
            }
            finally
            {
                if (!goesOn)
                {
                    call.Dispose();
                }
            }

            return goesOn;
        }
    }
}
