using System.Diagnostics;
using System.Text;

namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// The 61 fields that both sides know from the start: RFC 7541 section 2.3.1 and Appendix A.
/// </summary>
/// <remarks>Entries of one name stand next to each other; <see cref="FindValue"/> relies on it.</remarks>
internal static class StaticTable
{
    /// <summary>The number of entries, and the index of the last: the dynamic table goes on from here.</summary>
    public const int Count = 61;

    private static readonly TableEntry[] s_entries = Build(
        /*  1 */ (":authority", ""),
        /*  2 */ (":method", "GET"),
        /*  3 */ (":method", "POST"),
        /*  4 */ (":path", "/"),
        /*  5 */ (":path", "/index.html"),
        /*  6 */ (":scheme", "http"),
        /*  7 */ (":scheme", "https"),
        /*  8 */ (":status", "200"),
        /*  9 */ (":status", "204"),
        /* 10 */ (":status", "206"),
        /* 11 */ (":status", "304"),
        /* 12 */ (":status", "400"),
        /* 13 */ (":status", "404"),
        /* 14 */ (":status", "500"),
        /* 15 */ ("accept-charset", ""),
        /* 16 */ ("accept-encoding", "gzip, deflate"),
        /* 17 */ ("accept-language", ""),
        /* 18 */ ("accept-ranges", ""),
        /* 19 */ ("accept", ""),
        /* 20 */ ("access-control-allow-origin", ""),
        /* 21 */ ("age", ""),
        /* 22 */ ("allow", ""),
        /* 23 */ ("authorization", ""),
        /* 24 */ ("cache-control", ""),
        /* 25 */ ("content-disposition", ""),
        /* 26 */ ("content-encoding", ""),
        /* 27 */ ("content-language", ""),
        /* 28 */ ("content-length", ""),
        /* 29 */ ("content-location", ""),
        /* 30 */ ("content-range", ""),
        /* 31 */ ("content-type", ""),
        /* 32 */ ("cookie", ""),
        /* 33 */ ("date", ""),
        /* 34 */ ("etag", ""),
        /* 35 */ ("expect", ""),
        /* 36 */ ("expires", ""),
        /* 37 */ ("from", ""),
        /* 38 */ ("host", ""),
        /* 39 */ ("if-match", ""),
        /* 40 */ ("if-modified-since", ""),
        /* 41 */ ("if-none-match", ""),
        /* 42 */ ("if-range", ""),
        /* 43 */ ("if-unmodified-since", ""),
        /* 44 */ ("last-modified", ""),
        /* 45 */ ("link", ""),
        /* 46 */ ("location", ""),
        /* 47 */ ("max-forwards", ""),
        /* 48 */ ("proxy-authenticate", ""),
        /* 49 */ ("proxy-authorization", ""),
        /* 50 */ ("range", ""),
        /* 51 */ ("referer", ""),
        /* 52 */ ("refresh", ""),
        /* 53 */ ("retry-after", ""),
        /* 54 */ ("server", ""),
        /* 55 */ ("set-cookie", ""),
        /* 56 */ ("strict-transport-security", ""),
        /* 57 */ ("transfer-encoding", ""),
        /* 58 */ ("user-agent", ""),
        /* 59 */ ("vary", ""),
        /* 60 */ ("via", ""),
        /* 61 */ ("www-authenticate", ""));

    /// <summary>A hash table with open addressing: the first index of each name, 0 where a slot is free.</summary>
    private static readonly byte[] s_indexByName = BuildIndexByName();

    /// <summary>The entry at <paramref name="index"/>, which counts from 1.</summary>
    public static TableEntry EntryAt(int index) => s_entries[index - 1];

    /// <summary>The first index that has this name, or 0.</summary>
    public static int FindName(uint nameHash, ReadOnlySpan<byte> name)
    {
        byte[] indexByName = s_indexByName;
        uint mask = (uint)(indexByName.Length - 1);
        for (uint slot = nameHash & mask; indexByName[slot] != 0; slot = (slot + 1) & mask)
        {
            if (EntryAt(indexByName[slot]).Name.SequenceEqual(name))
            {
                return indexByName[slot];
            }
        }

        return 0;
    }

    /// <summary>The index that has the name at <paramref name="nameIndex"/>, its first, together with this value; or 0.</summary>
    public static int FindValue(int nameIndex, ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> name = EntryAt(nameIndex).Name;
        for (int index = nameIndex; index <= Count && EntryAt(index).Name.SequenceEqual(name); index++)
        {
            if (EntryAt(index).Value.SequenceEqual(value))
            {
                return index;
            }
        }

        return 0;
    }

    private static TableEntry[] Build(params ReadOnlySpan<(string Name, string Value)> fields)
    {
        Debug.Assert(fields.Length == Count, "Appendix A has 61 rows.");
        var entries = new TableEntry[Count];
        for (int i = 0; i < Count; i++)
        {
            entries[i] = new TableEntry(Encoding.ASCII.GetBytes(fields[i].Name), Encoding.ASCII.GetBytes(fields[i].Value));
        }

        return entries;
    }

    private static byte[] BuildIndexByName()
    {
        // 52 names in 256 slots: most look-ups end at the first slot.
        var indexByName = new byte[256];
        for (int index = 1; index <= Count; index++)
        {
            ReadOnlySpan<byte> name = EntryAt(index).Name;
            uint slot = OctetHash.Of(name) & 0xff;
            while (indexByName[slot] != 0 && !EntryAt(indexByName[slot]).Name.SequenceEqual(name))
            {
                slot = (slot + 1) & 0xff;
            }

            if (indexByName[slot] == 0)
            {
                indexByName[slot] = (byte)index;
            }
        }

        return indexByName;
    }
}
