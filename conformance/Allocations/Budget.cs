using System.Diagnostics;
using System.Reflection;

using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>How much a piece of work may allocate, and the measurement that holds it to that.</summary>
internal static class Budget
{
    /// <summary>How often the work is done for one measurement. What happens once in so many times (an array that grows) doesn't count.</summary>
    private const int Times = 2000;

    /// <summary>The least of so many measurements counts: a collection may take arrays out of the pools, and then one of them pays for new ones.</summary>
    private const int Measurements = 3;

    /// <summary>In a debug build the compiler makes classes of state machines, for the debugger's sake: each async method costs an object more.</summary>
    private static readonly bool s_isDebug =
        typeof(Http2Connection).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true };

    /// <summary>Holds what <paramref name="work"/> allocates, done again and again, to the budget of the build under test.</summary>
    public static void Hold(int release, int debug, Action work)
    {
        Measure(work); // what is made once: tables, pools, code
        Check(release, debug, Least(() => Measure(work)));
    }

    /// <summary>Holds what each of many messages costs: the difference between a call with many and a call with none.</summary>
    public static void HoldPerMessage(int release, int debug, Action<int> callWithMessages)
    {
        Once(callWithMessages, Times);
        Once(callWithMessages, 0);
        Check(release, debug, Least(() => Once(callWithMessages, Times)) - Least(() => Once(callWithMessages, 0)));
    }

    /// <summary>Holds what each of <paramref name="count"/> things keeps alive, less what it keeps in <paramref name="without"/>.</summary>
    public static void HoldLive(int release, int debug, int count, Func<object> with, Func<object> without)
    {
        Live(with); // what is made once
        Live(without);
        CheckOne(release, debug, (Live(with) - Live(without)) / count);
    }

    private static long Live(Func<object> make)
    {
        long before = GC.GetTotalMemory(forceFullCollection: true);
        object made = make();
        long after = GC.GetTotalMemory(forceFullCollection: true);
        GC.KeepAlive(made);
        return after - before;
    }

    private static void Check(int release, int debug, long all) => CheckOne(release, debug, all / Times);

    private static void CheckOne(int release, int debug, long octets)
    {
        int budget = s_isDebug ? debug : release;
        Assert.True(octets <= budget, $"{octets} octets are more than the {budget} of a {(s_isDebug ? "debug" : "release")} build.");
    }

    private static long Least(Func<long> measure) => Enumerable.Range(0, Measurements).Min(_ => measure());

    private static long Measure(Action work)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < Times; i++)
        {
            work();
        }

        return GC.GetAllocatedBytesForCurrentThread() - before;
    }

    private static long Once(Action<int> call, int messages)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        call(messages);
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
