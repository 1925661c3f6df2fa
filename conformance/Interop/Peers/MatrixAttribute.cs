using System.Reflection;
using Xunit.Sdk;
using Xunit.v3;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>
/// Runs a theory over the <see cref="Matrix"/>: each parameter of type <see cref="Pair"/>, <see cref="IServerPeer"/> or
/// <see cref="IClientPeer"/> takes all that the matrix has, each enum parameter all its values, each bool both.
/// </summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class MatrixAttribute : DataAttribute
{
    /// <summary>The test looks at the client's side only, so that servers in other processes will do, too.</summary>
    public bool AcrossProcesses { get; init; }

    /// <summary>The test counts octets, or takes an address again: what only TCP offers, with or without TLS.</summary>
    public bool OverTcp { get; init; }

    public override ValueTask<IReadOnlyCollection<ITheoryDataRow>> GetData(MethodInfo testMethod, DisposalTracker disposalTracker)
    {
        IEnumerable<object[]> rows = [[]];
        foreach (ParameterInfo parameter in testMethod.GetParameters())
        {
            object[] values = ValuesOf(parameter.ParameterType);
            rows = rows.SelectMany(row => values.Select(value => (object[])[.. row, value]));
        }

        return new([.. rows.Select(row => new TheoryDataRow(row))]);
    }

    // Peers are objects of this process; a runner can't store them between finding the tests and running them.
    public override bool SupportsDiscoveryEnumeration() => false;

    private IEnumerable<Pair> Pairs => Matrix.Pairs
        .Concat(AcrossProcesses ? Matrix.PairsAcrossProcesses : [])
        .Where(pair => !OverTcp || pair.Transport is Transport.Tcp or Transport.Tls);

    private object[] ValuesOf(Type type) => type switch
    {
        _ when type == typeof(Pair) => [.. Pairs],
        _ when type == typeof(IServerPeer) => [.. Matrix.Servers],
        _ when type == typeof(IClientPeer) => [.. Matrix.Clients],
        _ when type == typeof(bool) => [false, true],
        _ when type.IsEnum => [.. Enum.GetValues(type).Cast<object>()],
        _ => throw new NotSupportedException($"The matrix has no values of type {type}."),
    };
}
