using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>Data for a theory of an end and a number: each number on each end.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OnBothEndsAttribute(params int[] numbers) : DataAttribute
{
    /// <summary>The numbers.</summary>
    public IReadOnlyList<int> Numbers { get; } = numbers;

    /// <inheritdoc />
    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker) => new(
    [
        .. Numbers.SelectMany(number => Enum.GetValues<EndName>().Select(end => new TheoryDataRow<EndName, int>(end, number))),
    ]);

    /// <inheritdoc />
    public override bool SupportsDiscoveryEnumeration() => true;
}
