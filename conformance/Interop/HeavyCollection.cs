namespace MiniGrpc.Conformance.Interop;

/// <summary>Tests that want the machine to themselves: they run one after the other, apart from all others.</summary>
[CollectionDefinition(nameof(HeavyCollection), DisableParallelization = true)]
public sealed class HeavyCollection;
