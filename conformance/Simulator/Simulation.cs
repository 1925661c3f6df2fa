using System.Diagnostics;
using System.Runtime.ExceptionServices;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>What came of a run.</summary>
/// <param name="Seed">What replays it.</param>
/// <param name="Failure">What went wrong; null for nothing.</param>
/// <param name="Hash">Stands for all events in their order: two runs of a seed have the same.</param>
/// <param name="Events">How many events there were.</param>
/// <param name="SentAgain">How many streaming calls were refused, sent once more with what they had sent, and succeeded.</param>
/// <param name="Lines">The events as text, if they were asked for.</param>
internal sealed record SimResult(long Seed, string? Failure, ulong Hash, long Events, int SentAgain, IReadOnlyList<string> Lines);

/// <summary>Runs seeds, on the caller's thread.</summary>
internal static class Simulation
{
    /// <summary>Exceptions that nothing in the engine throws on purpose. Some task may keep them to itself, so they are looked for where they are thrown.</summary>
    private static readonly HashSet<Type> s_mistakes =
    [
        typeof(NullReferenceException), typeof(IndexOutOfRangeException), typeof(ArgumentException), typeof(ArgumentOutOfRangeException),
        typeof(ArgumentNullException), typeof(InvalidCastException), typeof(KeyNotFoundException), typeof(OverflowException), typeof(DivideByZeroException),
    ];

    [ThreadStatic]
    private static SimWorld? t_world;

    static Simulation()
    {
        AppDomain.CurrentDomain.FirstChanceException += OnException;
        Trace.Listeners.Clear();
        Trace.Listeners.Add(new AssertListener());
    }

    /// <summary>Runs a seed.</summary>
    public static SimResult Run(long seed, bool keepsLines = false, bool reusesStreams = true)
    {
        SynchronizationContext? before = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(null); // whatever is awaited goes on where it was completed
        var world = new SimWorld(seed, keepsLines, reusesStreams);
        t_world = world;
        try
        {
            world.Run();
        }
        finally
        {
            t_world = null;
            SynchronizationContext.SetSynchronizationContext(before);
        }

        return new SimResult(seed, world.Failure, world.Trace.Hash, world.Trace.Count, world.SentAgain, world.Trace.Lines);
    }

    private static void OnException(object? sender, FirstChanceExceptionEventArgs e)
    {
        if (t_world is { } world && s_mistakes.Contains(e.Exception.GetType()))
        {
            world.Fail($"{e.Exception.GetType().Name}: {e.Exception.Message}\n{Environment.StackTrace}");
        }
    }

    /// <summary>A Debug.Assert that fails is a failure of the run it fails in.</summary>
    private sealed class AssertListener : TraceListener
    {
        public override void Fail(string? message, string? detailMessage)
        {
            t_world?.Fail($"assertion: {message} {detailMessage}\n{Environment.StackTrace}");
            throw new InvalidOperationException($"assertion: {message} {detailMessage}");
        }

        public override void Write(string? message)
        {
            // Assertions alone are of interest.
        }

        public override void WriteLine(string? message)
        {
            // Assertions alone are of interest.
        }
    }
}
