using Xunit.v3;

namespace MiniGrpc.Conformance.Wire.Ledger;

/// <summary>
/// Claims a row of the requirements ledger (conformance/Requirements) for a test: the test fails when the requirement is not met.
/// Also a trait, so that the tests of one row can be run by <c>--filter-trait "Requirement=9113-6.5.3-1"</c>.
/// </summary>
[AttributeUsage(AttributeTargets.Method, AllowMultiple = true)]
public sealed class RequirementAttribute(string id) : Attribute, ITraitAttribute
{
    /// <summary>The row's id: document, section, number.</summary>
    public string Id { get; } = id;

    /// <inheritdoc />
    public IReadOnlyCollection<KeyValuePair<string, string>> GetTraits() => [new("Requirement", Id)];
}
