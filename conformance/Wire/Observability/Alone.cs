namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>Tests that run while no other does: who listens, and how traces are passed on, is one thing for the whole process.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;
