using Grpc.Core;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>A case has found something else than it has to.</summary>
internal sealed class InteropException(string message) : Exception(message);

/// <summary>What the cases check with.</summary>
internal static class Expect
{
    public static void Equal<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new InteropException($"{what}: expected {expected}, got {actual}.");
        }
    }

    public static void True(bool condition, string complaint)
    {
        if (!condition)
        {
            throw new InteropException(complaint);
        }
    }

    /// <summary>The call fails with one of <paramref name="codes"/>.</summary>
    public static async Task<Status> FailsAsync(Task call, params IReadOnlyList<StatusCode> codes)
    {
        try
        {
            await call.WaitAsync(InteropRun.Patience);
        }
        catch (RpcException e) when (codes.Contains(e.StatusCode))
        {
            return e.Status;
        }
        catch (RpcException e)
        {
            throw new InteropException($"expected the call to end with {string.Join(" or ", codes)}, got {e.Status}.");
        }

        throw new InteropException($"expected the call to end with {string.Join(" or ", codes)}, but it ended well.");
    }

    /// <summary>Reads to the end, which must not be an error.</summary>
    public static async Task NothingMoreAsync<T>(IAsyncStreamReader<T> responses)
    {
        True(!await responses.MoveNext(CancellationToken.None).WaitAsync(InteropRun.Patience), "there is a response more than was asked for.");
    }

    /// <summary>The next response.</summary>
    public static async Task<T> NextAsync<T>(IAsyncStreamReader<T> responses, string what)
    {
        True(await responses.MoveNext(CancellationToken.None).WaitAsync(InteropRun.Patience), $"{what}: the stream has ended before it.");
        return responses.Current;
    }
}
