using Grpc.Core;
using MiniGrpc.Conformance.Soak.World;

namespace MiniGrpc.Conformance.Soak.Work;

/// <summary>The workers: each makes one call after the other, and now and then breaks something.</summary>
internal sealed class Crew(IReadOnlyList<Site> sites, Repertoire repertoire, Outcomes outcomes, Pause pause)
{
    /// <summary>Works with <paramref name="workers"/> at a time until <paramref name="goOn"/> says no more.</summary>
    public Task RunAsync(int workers, int seed, Func<bool> goOn)
    {
        var tasks = new Task[workers];
        for (int i = 0; i < workers; i++)
        {
            pause.Enter();
            var random = new Random(seed + i);
            tasks[i] = Task.Run(() => WorkAsync(random, goOn));
        }

        return Task.WhenAll(tasks);
    }

    private async Task WorkAsync(Random random, Func<bool> goOn)
    {
        try
        {
            while (goOn())
            {
                await pause.RestAsync();
                Site site = sites[random.Next(sites.Count)];
                if (random.Next(repertoire.FaultEvery) == 0 && repertoire.Faults.Length > 0)
                {
                    (string name, Func<Site, Random, Task> fault) = repertoire.Faults[random.Next(repertoire.Faults.Length)];
                    await outcomes.RunAsync(name, () => fault(site, random));
                }
                else
                {
                    (string name, Func<CallInvoker, Random, Task> call) = repertoire.Calls[random.Next(repertoire.Calls.Length)];
                    await outcomes.RunAsync(name, () => call(site.Invoker, random));
                }
            }
        }
        finally
        {
            pause.Leave();
        }
    }
}

/// <summary>What a crew does.</summary>
/// <param name="Calls">The calls.</param>
/// <param name="Faults">What it breaks.</param>
internal sealed record Repertoire((string Name, Func<CallInvoker, Random, Task> Run)[] Calls, (string Name, Func<Site, Random, Task> Run)[] Faults)
{
    /// <summary>About one piece of work in so many is a fault: at 300 most calls of a connection end in peace.</summary>
    public int FaultEvery { get; init; } = 300;

    /// <summary>Everything.</summary>
    public static Repertoire All { get; } = new(Work.Calls.All, Work.Faults.All);

    /// <summary>Only the calls and faults of these names; no names mean all of them.</summary>
    public Repertoire Only(string[] calls, string[] faults) => this with
    {
        Calls = [.. Calls.Where(call => calls.Length == 0 || calls.Contains(call.Name))],
        Faults = [.. Faults.Where(fault => faults.Length == 0 || faults.Contains(fault.Name))],
    };
}
