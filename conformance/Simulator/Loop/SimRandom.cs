namespace MiniGrpc.Conformance.Simulator;

/// <summary>
/// The numbers that decide everything in a run: SplitMix64, whose sequence is the same on every machine and every runtime.
/// </summary>
internal sealed class SimRandom(ulong seed)
{
    private ulong _state = seed;

    /// <summary>A number of 64 random bits.</summary>
    public ulong Bits() => Mix(_state += 0x9e3779b97f4a7c15);

    /// <summary>A number from 0 to below <paramref name="end"/>.</summary>
    public int Below(int end) => (int)(((Bits() >> 32) * (ulong)end) >> 32);

    /// <summary>A number from <paramref name="first"/> to <paramref name="last"/>, both included.</summary>
    public int Between(int first, int last) => first + Below(last - first + 1);

    /// <summary>Whether one of <paramref name="times"/> such questions is to be answered with yes, on average.</summary>
    public bool OneIn(int times) => Below(times) == 0;

    /// <summary>One of several.</summary>
    public T Of<T>(params ReadOnlySpan<T> choices) => choices[Below(choices.Length)];

    /// <summary>A wait of up to so many milliseconds, in steps of the clock.</summary>
    public TimeSpan UpTo(int milliseconds) => TimeSpan.FromTicks(Between(0, milliseconds * 1000) * TimeSpan.TicksPerMicrosecond);

    /// <summary>Spreads the bits of a number.</summary>
    public static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}

/// <summary>The same numbers for code that asks a <see cref="Random"/>.</summary>
internal sealed class SimSystemRandom(SimRandom random) : Random
{
    public override double NextDouble() => Sample();

    protected override double Sample() => (random.Bits() >> 11) * (1.0 / (1UL << 53));
}
