namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>
/// When a process is warm. The JIT compiles a method quickly at first, and again and better after 30 calls: with counters for
/// its profile, then with what they showed. Until that has ended figures are several times worse, and it ends later for the side
/// that has more code. A fixed time alone would favour the smaller program; so the load goes on until next to nothing is
/// compiled any more.
/// </summary>
internal static class Settling
{
    // Something that runs once in a while (a timer, a collection) gets its turn long after the calls have had theirs. On one core such
    // stragglers go on for minutes; a method takes about a millisecond, and so many are half a hundredth of the step.
    private const int Stragglers = 10;

    // The JIT waits until no new method has been called for 100 ms; this is many times that.
    private static readonly TimeSpan s_step = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Where the runtime sees a single processor it makes that wait ten times as long. Pinned to one core, a program would need
    /// minutes to settle; this takes the factor away, for every process alike. It changes when code is compiled, not what
    /// becomes of it.
    /// </summary>
    public static KeyValuePair<string, string?> NoLongerDelayOnOneProcessor { get; } = new("DOTNET_TC_DelaySingleProcMultiplier", "1");

    /// <summary>
    /// Applies <paramref name="load"/>, which tells how many methods were compiled meanwhile, until there are hardly any; not longer
    /// than <paramref name="patience"/> beyond <paramref name="atLeast"/>, however. Gives false if that was not enough.
    /// </summary>
    public static async Task<bool> RunAsync(TimeSpan atLeast, TimeSpan patience, Func<TimeSpan, Task<long>> load)
    {
        long compiled = await load(atLeast);
        for (TimeSpan spent = TimeSpan.Zero; compiled > Stragglers && spent < patience; spent += s_step)
        {
            compiled = await load(s_step);
        }

        return compiled <= Stragglers;
    }
}
