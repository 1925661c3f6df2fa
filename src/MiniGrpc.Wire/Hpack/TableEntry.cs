namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// One field of the static or the dynamic table: RFC 7541 section 2.3. Name and value share one array.
/// </summary>
internal readonly struct TableEntry
{
    /// <summary>What an entry counts for beyond its octets: an estimate of the bookkeeping behind it (RFC 7541 section 4.1).</summary>
    public const int Overhead = 32;

    private readonly byte[] _octets;
    private readonly int _nameLength;

    public TableEntry(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        _octets = GC.AllocateUninitializedArray<byte>(name.Length + value.Length);
        _nameLength = name.Length;
        name.CopyTo(_octets);
        value.CopyTo(_octets.AsSpan(name.Length));
    }

    public ReadOnlySpan<byte> Name => _octets.AsSpan(0, _nameLength);

    public ReadOnlySpan<byte> Value => _octets.AsSpan(_nameLength);

    /// <summary>The size that counts against the table's maximum size.</summary>
    public int Size => _octets.Length + Overhead;

    /// <summary>The size that an entry of this field would have.</summary>
    public static long SizeOf(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => (long)name.Length + value.Length + Overhead;
}
