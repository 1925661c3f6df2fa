using System.Runtime.CompilerServices;

using Grpc.Core;

namespace MiniGrpc.Wire;

/// <summary>What makes a stream of messages pleasant to read.</summary>
public static class AsyncStreamReaderExtensions
{
    /// <summary>
    /// All messages, for <c>await foreach</c>, as users of Grpc.Net.Client know it. It ends with the stream; a client's call that
    /// failed throws its <see cref="RpcException"/>.
    /// </summary>
    /// <param name="streamReader">The reader; each of its messages is given once.</param>
    /// <param name="cancellationToken">Ends the read that waits; on a client this cancels the call.</param>
    public static IAsyncEnumerable<T> ReadAllAsync<T>(this IAsyncStreamReader<T> streamReader, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(streamReader);
        return EnumerateAsync(streamReader, cancellationToken);
    }

    private static async IAsyncEnumerable<T> EnumerateAsync<T>(IAsyncStreamReader<T> reader, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        while (await reader.MoveNext(cancellationToken).ConfigureAwait(false))
        {
            yield return reader.Current;
        }
    }
}
