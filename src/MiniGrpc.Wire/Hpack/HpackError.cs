namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// What is wrong with a header block, and the section of the RFC that says so. Below, every way in which a block can be malformed.
/// </summary>
/// <remarks>
/// After any of them the two dynamic tables may differ, so no later block can be trusted either: it is always a connection
/// error of type COMPRESSION_ERROR (RFC 9113 section 4.3).
/// </remarks>
/// <param name="Section">The section that was broken, in the form <c>RFC 7541 section 5.1</c>.</param>
/// <param name="Reason">One sentence for the log and for the peer's GOAWAY.</param>
internal sealed record HpackError(string Section, string Reason)
{
    public static readonly HpackError IndexOutOfRange =
        new("RFC 7541 section 2.3.3", "An index points beyond the end of the dynamic table.");

    public static readonly HpackError SizeUpdateMissing =
        new("RFC 7541 section 4.2", "The block does not begin with the table size update that a lowered limit calls for.");

    public static readonly HpackError SizeUpdateMisplaced =
        new("RFC 7541 section 4.2", "A dynamic table size update stands behind the beginning of the block.");

    public static readonly HpackError TooManySizeUpdates =
        new("RFC 7541 section 4.2", "More than two dynamic table size updates stand at the beginning of the block.");

    public static readonly HpackError IntegerTruncated =
        new("RFC 7541 section 5.1", "The block ends within an integer.");

    public static readonly HpackError IntegerTooLarge =
        new("RFC 7541 section 5.1", "An integer exceeds 2147483647 or is encoded in too many octets.");

    public static readonly HpackError StringTruncated =
        new("RFC 7541 section 5.2", "A string literal is longer than the rest of the block.");

    public static readonly HpackError EndOfStringInString =
        new("RFC 7541 section 5.2", "A Huffman-encoded string contains the EOS symbol.");

    public static readonly HpackError PaddingTooLong =
        new("RFC 7541 section 5.2", "The padding of a Huffman-encoded string is longer than 7 bits.");

    public static readonly HpackError PaddingNotOnes =
        new("RFC 7541 section 5.2", "The padding of a Huffman-encoded string has bits other than ones.");

    public static readonly HpackError IndexZero =
        new("RFC 7541 section 6.1", "An indexed field has the index 0.");

    public static readonly HpackError SizeUpdateTooLarge =
        new("RFC 7541 section 6.3", "A dynamic table size update exceeds the SETTINGS_HEADER_TABLE_SIZE in force.");
}
