namespace MiniGrpc.Wire.Hpack;

/// <summary>
/// The 61 fields that both sides know from the start: RFC 7541 section 2.3.1 and Appendix A.
/// </summary>
/// <remarks>Entries of one name stand next to each other; <see cref="FindValue"/> relies on it.</remarks>
internal static class StaticTable
{
    /// <summary>The number of entries, and the index of the last: the dynamic table goes on from here.</summary>
    public const int Count = 61;

    private static readonly TableEntry[] s_entries =
    [
        /*  1 */ new(":authority"u8, ""u8),
        /*  2 */ new(":method"u8, "GET"u8),
        /*  3 */ new(":method"u8, "POST"u8),
        /*  4 */ new(":path"u8, "/"u8),
        /*  5 */ new(":path"u8, "/index.html"u8),
        /*  6 */ new(":scheme"u8, "http"u8),
        /*  7 */ new(":scheme"u8, "https"u8),
        /*  8 */ new(":status"u8, "200"u8),
        /*  9 */ new(":status"u8, "204"u8),
        /* 10 */ new(":status"u8, "206"u8),
        /* 11 */ new(":status"u8, "304"u8),
        /* 12 */ new(":status"u8, "400"u8),
        /* 13 */ new(":status"u8, "404"u8),
        /* 14 */ new(":status"u8, "500"u8),
        /* 15 */ new("accept-charset"u8, ""u8),
        /* 16 */ new("accept-encoding"u8, "gzip, deflate"u8),
        /* 17 */ new("accept-language"u8, ""u8),
        /* 18 */ new("accept-ranges"u8, ""u8),
        /* 19 */ new("accept"u8, ""u8),
        /* 20 */ new("access-control-allow-origin"u8, ""u8),
        /* 21 */ new("age"u8, ""u8),
        /* 22 */ new("allow"u8, ""u8),
        /* 23 */ new("authorization"u8, ""u8),
        /* 24 */ new("cache-control"u8, ""u8),
        /* 25 */ new("content-disposition"u8, ""u8),
        /* 26 */ new("content-encoding"u8, ""u8),
        /* 27 */ new("content-language"u8, ""u8),
        /* 28 */ new("content-length"u8, ""u8),
        /* 29 */ new("content-location"u8, ""u8),
        /* 30 */ new("content-range"u8, ""u8),
        /* 31 */ new("content-type"u8, ""u8),
        /* 32 */ new("cookie"u8, ""u8),
        /* 33 */ new("date"u8, ""u8),
        /* 34 */ new("etag"u8, ""u8),
        /* 35 */ new("expect"u8, ""u8),
        /* 36 */ new("expires"u8, ""u8),
        /* 37 */ new("from"u8, ""u8),
        /* 38 */ new("host"u8, ""u8),
        /* 39 */ new("if-match"u8, ""u8),
        /* 40 */ new("if-modified-since"u8, ""u8),
        /* 41 */ new("if-none-match"u8, ""u8),
        /* 42 */ new("if-range"u8, ""u8),
        /* 43 */ new("if-unmodified-since"u8, ""u8),
        /* 44 */ new("last-modified"u8, ""u8),
        /* 45 */ new("link"u8, ""u8),
        /* 46 */ new("location"u8, ""u8),
        /* 47 */ new("max-forwards"u8, ""u8),
        /* 48 */ new("proxy-authenticate"u8, ""u8),
        /* 49 */ new("proxy-authorization"u8, ""u8),
        /* 50 */ new("range"u8, ""u8),
        /* 51 */ new("referer"u8, ""u8),
        /* 52 */ new("refresh"u8, ""u8),
        /* 53 */ new("retry-after"u8, ""u8),
        /* 54 */ new("server"u8, ""u8),
        /* 55 */ new("set-cookie"u8, ""u8),
        /* 56 */ new("strict-transport-security"u8, ""u8),
        /* 57 */ new("transfer-encoding"u8, ""u8),
        /* 58 */ new("user-agent"u8, ""u8),
        /* 59 */ new("vary"u8, ""u8),
        /* 60 */ new("via"u8, ""u8),
        /* 61 */ new("www-authenticate"u8, ""u8),
    ];

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
