namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>Header blocks that can't be decoded, for whoever has to end a connection because of one.</summary>
public static class BrokenBlocks
{
    /// <summary>The section of RFC 7541 that is broken, and the octets of the block.</summary>
    public static TheoryData<string, string> All => new()
    {
        { "6.1", "80" }, // index 0
        { "2.3.3", "ff 80 01" }, // index beyond both tables
        { "2.3.3", "0f 80 01 01 61" }, // name index beyond both tables
        { "2.3.3", "1f 80 01 01 61" }, // name index beyond both tables, never indexed
        { "2.3.3", "7f 80 01 01 61" }, // name index beyond both tables, to be inserted
        { "5.1", "ff 81 ff ff ff 07" }, // integer of 2^31
        { "5.1", "ff 80 80 80 80 80 00" }, // integer of too many octets
        { "5.1", "ff 80" }, // integer cut off
        { "5.2", "00 01 61 05 62" }, // string cut off
        { "5.2", "00 01 61 7f 80 ff ff ff 07" }, // string of almost 2^31 octets
        { "5.2", "00 01 61 82 1f ff" }, // padding of a whole octet
        { "5.2", "00 01 61 81 18" }, // padding of zeros
        { "5.2", "00 01 61 84 ff ff ff ff" }, // EOS
        { "5.2", "00 84 ff ff ff ff 01 61" }, // EOS in a name
        { "6.3", "3f e2 1f" }, // size update above the limit
        { "4.2", "20 20 20" }, // three size updates
        { "4.2", "88 20" }, // size update behind a field
    };
}
