using MiniGrpc.Wire.Hpack;
using static MiniGrpc.Conformance.Wire.Rfc7541.HpackTesting;

namespace MiniGrpc.Conformance.Wire.Rfc7541;

/// <summary>RFC 7541 section 2.3 and Appendix A: the two tables and their common index.</summary>
public class Section2_3_IndexingTableTests
{
    /// <summary>Appendix A, written down a second time.</summary>
    private const string AppendixA = """
        1 :authority|2 :method GET|3 :method POST|4 :path /|5 :path /index.html|6 :scheme http|7 :scheme https|8 :status 200
        9 :status 204|10 :status 206|11 :status 304|12 :status 400|13 :status 404|14 :status 500|15 accept-charset
        16 accept-encoding gzip, deflate|17 accept-language|18 accept-ranges|19 accept|20 access-control-allow-origin|21 age
        22 allow|23 authorization|24 cache-control|25 content-disposition|26 content-encoding|27 content-language
        28 content-length|29 content-location|30 content-range|31 content-type|32 cookie|33 date|34 etag|35 expect|36 expires
        37 from|38 host|39 if-match|40 if-modified-since|41 if-none-match|42 if-range|43 if-unmodified-since|44 last-modified
        45 link|46 location|47 max-forwards|48 proxy-authenticate|49 proxy-authorization|50 range|51 referer|52 refresh
        53 retry-after|54 server|55 set-cookie|56 strict-transport-security|57 transfer-encoding|58 user-agent|59 vary|60 via
        61 www-authenticate
        """;

    public static TheoryData<int, string, string> StaticRows()
    {
        var rows = new TheoryData<int, string, string>();
        foreach (string row in AppendixA.Split(['|', '\n'], StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
        {
            string[] parts = row.Split(' ', 3);
            rows.Add(int.Parse(parts[0], null), parts[1], parts.Length == 3 ? parts[2] : "");
        }

        return rows;
    }

    [Fact]
    public void Appendix_A_has_61_rows() => Assert.Equal(StaticTable.Count, StaticRows().Count);

    [Theory]
    [MemberData(nameof(StaticRows))]
    [Requirement("7541-A-1")]
    [Requirement("7541-2.3.3-1")]
    [Requirement("7541-6.1-1")]
    public void Each_static_entry_is_decoded_from_its_index_and_encoded_as_it(int index, string name, string value)
    {
        byte[] block = [(byte)(0x80 | index)];
        Assert.Equal([new Field(name, value)], Decode(new HpackDecoder(), block));
        Assert.Equal(block, EncodeBlock(new HpackEncoder(), (name, value, Indexing.Incremental)));
        Assert.Equal(block, EncodeBlock(new HpackEncoder(), (name, value, Indexing.Without)));
    }

    [Theory]
    [MemberData(nameof(StaticRows))]
    [Requirement("7541-A-1")]
    public void A_literal_with_a_static_name_refers_to_the_first_index_of_that_name(int index, string name, string value)
    {
        byte[] block = EncodeBlock(new HpackEncoder(useHuffman: false), (name, value + "?", Indexing.Incremental));
        int first = StaticRows().First(row => row.Data.Item2 == name).Data.Item1;
        Assert.True(first <= index, "The rows are in order.");
        Assert.Equal(0x40 | first, block[0]);
        Assert.Equal([new Field(name, value + "?")], Decode(new HpackDecoder(), block));
    }

    [Fact]
    [Requirement("7541-2.3.2-1")]
    [Requirement("7541-2.3.3-1")]
    public void The_newest_entry_has_index_62_and_older_ones_follow()
    {
        var decoder = new HpackDecoder();
        Decode(decoder, Hex("40 01 61 01 31" + "40 01 62 01 32" + "40 01 63 01 33"));
        // RFC 7541 section 2.3.3: the newest entry comes directly behind the static table.
        Assert.Equal([new("c", "3"), new("b", "2"), new("a", "1")], Decode(decoder, Hex("be bf c0")));
    }

    [Theory]
    [InlineData("be")] // 62, an empty dynamic table
    [InlineData("40 01 61 01 31 bf")] // 63, one entry
    [InlineData("40 01 61 01 31 7f 00 00")] // 63 as the name of an inserted literal
    [InlineData("0f 2f 00")] // 62 as the name of a literal
    [InlineData("1f 2f 00")] // 62 as the name of a never-indexed literal
    [InlineData("ff 80 ff ff ff 07")] // 2147483647
    [Requirement("7541-2.3.3-2")]
    [Requirement("7541-2.3.2-1")]
    public void An_index_beyond_both_tables_is_an_error(string block)
    {
        // RFC 7541 section 2.3.3: MUST be treated as a decoding error.
        Assert.Equal(HpackError.IndexOutOfRange, ErrorOf(block));
    }

    [Fact]
    [Requirement("7541-2.3.3-2")]
    [Requirement("7541-4.4-1")]
    public void An_evicted_entry_can_no_longer_be_indexed()
    {
        var decoder = new HpackDecoder(68); // two entries of 34
        Decode(decoder, Hex("40 01 61 01 31" + "40 01 62 01 32" + "40 01 63 01 33"));
        Assert.Equal([new("c", "3"), new("b", "2")], Decode(decoder, Hex("be bf")));
        Assert.Equal(HpackError.IndexOutOfRange, decoder.Decode(Hex("c0"), new FieldRecorder()));
    }

    [Fact]
    [Requirement("7541-2.3.2-2")]
    public void Duplicate_entries_are_kept_both()
    {
        var decoder = new HpackDecoder();
        Decode(decoder, Hex("40 01 61 01 31" + "40 01 61 01 31"));
        // RFC 7541 section 2.3.2: duplicates MUST NOT be treated as an error.
        Assert.Equal([new("a", "1"), new("a", "1")], EntriesOf(decoder.Table));
    }

    [Fact]
    public void A_table_finds_its_entries_while_its_ring_grows_and_turns()
    {
        var table = new DynamicTable(20 * 36);
        for (int i = 0; i < 100; i++)
        {
            table.Insert(Octets($"{i:00}"), Octets("vv"));
            AssertSound(table);
            Assert.Equal(Enumerable.Range(0, i + 1).Reverse().Take(20).Select(n => new Field($"{n:00}", "vv")), EntriesOf(table));
        }
    }
}
