namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>That some code uses a type, or a member of a type.</summary>
/// <param name="From">The type that uses it; for a nested or generated type, the type around it.</param>
/// <param name="Where">The member in which it is used.</param>
/// <param name="To">The type used, outermost as well.</param>
/// <param name="Member">The member used; empty where the type itself is named.</param>
internal sealed record Reference(TypeName From, string Where, TypeName To, string Member)
{
    /// <summary>Says who uses what, for the message of a test that fails.</summary>
    public override string ToString() => $"{From}.{Where} uses {To}{(Member.Length > 0 ? "." + Member : "")}";
}

/// <summary>A type by its namespace and name, without type arguments.</summary>
internal sealed record TypeName(string Namespace, string Name)
{
    /// <summary>Whether the type stands in the namespace <paramref name="root"/> or below it.</summary>
    public bool IsBelow(string root) => Namespace == root || Namespace.StartsWith(root + ".", StringComparison.Ordinal);

    /// <inheritdoc />
    public override string ToString() => $"{Namespace}.{Name}";
}
