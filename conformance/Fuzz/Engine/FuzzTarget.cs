namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>
/// Something that takes octets from strangers, and what must hold whatever they are. What a run does depends on its input
/// alone, so that an input can be kept, shortened and run again.
/// </summary>
internal abstract class FuzzTarget
{
    /// <summary>The name on the command line, and of the file in the corpus.</summary>
    public abstract string Name { get; }

    /// <summary>What is fed and what must hold, in one sentence.</summary>
    public abstract string About { get; }

    /// <summary>Longer inputs are cut: what is to be found is found with few octets, and many short runs beat one long one.</summary>
    public virtual int MaxLength => 4096;

    /// <summary>Inputs to begin with, made by the program; those of the corpus come on top.</summary>
    public abstract IEnumerable<byte[]> Seeds();

    /// <summary>Changes an input; pieces of <paramref name="other"/> may go into it.</summary>
    public virtual byte[] Mutate(byte[] input, byte[] other, Random random) => OctetMutator.Mutate(input, other, random);

    /// <summary>Runs one input. Any exception is a finding.</summary>
    public abstract ValueTask RunAsync(byte[] input, Features features);
}

/// <summary>A target of pure code: it runs to its end on the thread that started it.</summary>
internal abstract class PureTarget : FuzzTarget
{
    /// <inheritdoc />
    public sealed override ValueTask RunAsync(byte[] input, Features features)
    {
        Run(input, features);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc cref="FuzzTarget.RunAsync"/>
    protected abstract void Run(byte[] input, Features features);
}

/// <summary>Something that must hold doesn't.</summary>
internal sealed class FuzzException(string message) : Exception(message)
{
    /// <summary>Throws unless <paramref name="holds"/>.</summary>
    public static void Require([System.Diagnostics.CodeAnalysis.DoesNotReturnIf(false)] bool holds, string what)
    {
        if (!holds)
        {
            throw new FuzzException(what);
        }
    }

    /// <summary>Throws unless both are the same.</summary>
    public static void RequireEqual<T>(T expected, T actual, string what)
    {
        if (!EqualityComparer<T>.Default.Equals(expected, actual))
        {
            throw new FuzzException($"{what}: expected {expected}, got {actual}");
        }
    }
}
