using System.Globalization;

using MiniGrpc.Conformance.Simulator;

namespace MiniGrpc.Conformance.Simulation;

/// <summary>Client and server against each other on one thread, as seeds decide; docs/testing.md says how to replay one.</summary>
public class SimulationTests
{
    /// <summary>Half a minute of one core in a debug build; the command of docs/testing.md runs as many as one likes.</summary>
    private const int Seeds = 3000;

    /// <summary>A few seconds; one seed in four uses a stream more than once.</summary>
    private const int SeedsCompared = 400;

    /// <summary>The last lines of a run that failed; the whole of it comes from replaying its seed.</summary>
    private const int LastLines = 100;

    /// <summary>Fixed, so that a change that breaks one is known to have done so.</summary>
    [Fact]
    public void Thousands_of_seeds_leave_no_call_and_nothing_of_one_behind()
    {
        int sentAgain = 0;
        for (long seed = 1; seed <= Seeds; seed++)
        {
            sentAgain += AssertWell(seed).SentAgain;
        }

        Assert.NotEqual(0, sentAgain); // they say something of calls that are refused after they have sent requests
    }

    /// <summary>Seeds that have found something once.</summary>
    [Theory]
    [InlineData(1)] // a timer of the connection's end was set after the connection had been closed; its scratch list was not returned
    [InlineData(1057)] // responses that a caller threw away by disposing of the call passed for the end of the stream
    [InlineData(1201)] // the same, with the dispose in the middle of a pause
    [InlineData(28803)] // a preface that came after a shutdown had given its client up was answered when the output had ended
    [InlineData(2729)] // a connection that was turned away before it ran left its keepalive's timer behind
    public void Seeds_that_have_failed_pass(long seed) => AssertWell(seed);

    [Theory]
    [InlineData(3)]
    [InlineData(12)]
    [InlineData(32)]
    public void A_seed_gives_the_same_events_every_time(long seed)
    {
        SimResult first = Simulator.Simulation.Run(seed, keepsLines: true);
        SimResult second = Simulator.Simulation.Run(seed, keepsLines: true);
        SimResult withoutText = Simulator.Simulation.Run(seed);
        Assert.NotEmpty(first.Lines);
        Assert.Equal(first.Lines, second.Lines);
        Assert.Equal(first.Hash, second.Hash);
        Assert.Equal(first.Hash, withoutText.Hash);
    }

    /// <summary>Streams that serve one call after the other are a fast path: without it, every event is the same, and in the same order.</summary>
    [Fact]
    public void A_stream_of_its_own_for_every_call_makes_no_difference()
    {
        for (long seed = 1; seed <= SeedsCompared; seed++)
        {
            SimResult reusing = Simulator.Simulation.Run(seed);
            SimResult plain = Simulator.Simulation.Run(seed, reusesStreams: false);
            Assert.Equal((seed, plain.Failure, plain.Hash, plain.Events), (seed, reusing.Failure, reusing.Hash, reusing.Events));
        }
    }

    [Fact]
    public void Seeds_differ_from_each_other()
    {
        Assert.Equal(100, Enumerable.Range(1, 100).Select(seed => Simulator.Simulation.Run(seed).Hash).Distinct().Count());
    }

    private static SimResult AssertWell(long seed)
    {
        SimResult result = Simulator.Simulation.Run(seed);
        if (result.Failure is not null)
        {
            SimResult again = Simulator.Simulation.Run(seed, keepsLines: true);
            IEnumerable<string> last = again.Lines.Skip(Math.Max(0, again.Lines.Count - LastLines));
            Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"Seed {seed}: {result.Failure}\n{string.Join('\n', last)}"));
        }

        return result;
    }
}
