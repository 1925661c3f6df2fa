namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// Takes the fields of a header block as <see cref="HpackDecoder"/> reads them, in their order: RFC 7541 section 2.2.
/// </summary>
internal interface IFieldSink
{
    /// <summary>Takes one field. The spans are valid only during the call.</summary>
    void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value);
}
