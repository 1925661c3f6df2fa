using CsCheck;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>An ordered list of header fields in one buffer (RFC 9113 section 8.2).</summary>
public class HeaderListTests
{
    private static readonly Gen<(byte[] Name, byte[] Value, Indexing Indexing)[]> s_fields =
        Gen.Select(Gen.Byte.Array[0, 40], Gen.Byte.Array[0, 400], Gen.Enum<Indexing>()).Array[0, 20];

    [Fact]
    public void Fields_come_out_as_they_went_in_from_the_list_and_from_its_copy() =>
        s_fields.Sample(
            fields =>
            {
                HeaderList list = List(fields);
                Assert.Equal(fields.Length, list.Count);
                Check(fields, list.GetEnumerator());
                byte[] copy = list.ToArray();
                list.Release();
                Assert.Equal(0, list.Count);
                Assert.False(list.GetEnumerator().MoveNext());
                Check(fields, new HeaderList.Enumerator(copy));
            },
            iter: 200,
            threads: 1);

    [Fact]
    public void The_first_of_several_fields_of_a_name_is_found()
    {
        var list = new HeaderList();
        list.Add("ab"u8, "x"u8);
        list.Add("a"u8, "1"u8);
        list.Add("a"u8, "2"u8);
        Assert.True(list.TryGet("a"u8, out ReadOnlySpan<byte> value));
        Assert.Equal("1"u8, value);
        Assert.False(list.TryGet("b"u8, out _));
        list.Clear();
        Assert.False(list.TryGet("a"u8, out _));
        Assert.Equal(0, list.Count);
    }

    /// <summary>A list that stands for a known block is the list that the block was decoded to.</summary>
    [Fact]
    public void A_replayed_list_has_the_fields_that_were_decoded() =>
        s_fields.Sample(
            fields =>
            {
                HeaderList decoded = List(fields);
                var replayed = new HeaderList();
                replayed.Replay(new RepeatedBlock(FieldRules.Kind.Request, [], 0, decoded));
                Assert.Equal((decoded.Count, decoded.Size), (replayed.Count, replayed.Size));
                Assert.Equal(decoded.ToArray(), replayed.ToArray());
                decoded.Release(); // the block has its own copy
                Check(fields, replayed.GetEnumerator());
            },
            iter: 200,
            threads: 1);

    /// <summary>A list serves one block after the other, known or not: nothing of the one before may be left.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_replayed_list_that_was_emptied_is_empty_and_takes_fields(bool release)
    {
        HeaderList list = List([("a"u8.ToArray(), "1"u8.ToArray(), Indexing.Without)]);
        var block = new RepeatedBlock(FieldRules.Kind.Request, [], 0, list);
        list.Clear();
        list.Replay(block);
        Assert.Same(block, list.Repeated);
        Action empty = release ? list.Release : list.Clear;
        empty();
        Assert.Null(list.Repeated);
        Assert.Equal((0, 0), (list.Count, list.Size));
        Assert.False(list.TryGet("a"u8, out _));
        list.Add("b"u8, "2"u8);
        Check([("b"u8.ToArray(), "2"u8.ToArray(), Indexing.Without)], list.GetEnumerator());
        Assert.Equal(1, block.FieldCount);
        Check([("a"u8.ToArray(), "1"u8.ToArray(), Indexing.Without)], new HeaderList.Enumerator(block.Fields));
    }

    private static HeaderList List((byte[] Name, byte[] Value, Indexing Indexing)[] fields)
    {
        var list = new HeaderList();
        foreach ((byte[] name, byte[] value, Indexing indexing) in fields)
        {
            list.Add(name, value, indexing);
        }

        return list;
    }

    private static void Check((byte[] Name, byte[] Value, Indexing Indexing)[] expected, HeaderList.Enumerator actual)
    {
        foreach ((byte[] name, byte[] value, Indexing indexing) in expected)
        {
            Assert.True(actual.MoveNext());
            Assert.Equal(name, actual.Current.Name);
            Assert.Equal(value, actual.Current.Value);
            Assert.Equal(indexing, actual.Current.Indexing);
        }

        Assert.False(actual.MoveNext());
    }
}
