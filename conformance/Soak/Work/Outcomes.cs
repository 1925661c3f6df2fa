using System.Collections.Concurrent;
using Grpc.Core;

namespace MiniGrpc.Conformance.Soak.Work;

/// <summary>How pieces of work have ended. An exception that no user of gRPC should see is remembered.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class Outcomes
{
    private readonly ConcurrentDictionary<string, long> _counts = new();
    private Exception? _unexpected;
    private long _total;

    /// <summary>How many there were.</summary>
    public long Total => Interlocked.Read(ref _total);

    /// <summary>The first exception that should not be.</summary>
    public Exception? Unexpected => Volatile.Read(ref _unexpected);

    /// <summary>How many ended how, the most frequent first.</summary>
    public IEnumerable<KeyValuePair<string, long>> Counts => _counts.OrderByDescending(count => count.Value);

    /// <summary>Runs a piece of work and notes its end.</summary>
    public async Task RunAsync(string name, Func<Task> work)
    {
        string end = "done";
        try
        {
            await work();
        }
        catch (RpcException e)
        {
            end = e.StatusCode.ToString();
        }
        catch (Exception e) when (IsExpected(e))
        {
            end = e.GetType().Name;
        }
        catch (Exception e)
        {
            end = "unexpected " + e.GetType().Name;
            Interlocked.CompareExchange(ref _unexpected, e, null);
        }

        _counts.AddOrUpdate($"{name}: {end}", 1, static (_, count) => count + 1);
        Interlocked.Increment(ref _total);
    }

    /// <summary>A cancelled wait; a channel that was replaced; a write after a call's end; an end of a connection that a stranger sees.</summary>
    private static bool IsExpected(Exception e) =>
        e is OperationCanceledException or ObjectDisposedException or IOException or System.Net.Sockets.SocketException
        || (e is InvalidOperationException && e.Message.Contains("the call has ended", StringComparison.Ordinal));
}
