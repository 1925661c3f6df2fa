using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Fast path: the field blocks that a peer sends again and again, octet for octet, with what they were decoded to. Most calls of a method
/// differ in nothing but their messages; without headers of their own their blocks are the same.
/// </summary>
/// <remarks>
/// A block means what it meant before only while the dynamic table is the same (RFC 7541 section 2.3.3), and may be passed over
/// only if decoding it would leave the table as it is. What was wrong, or over a limit, is never kept. The plain path is
/// <see cref="HpackDecoder"/> with <see cref="InboundFields"/>; a test holds the two equal. Owned by the receive loop.
/// </remarks>
internal sealed class RepeatedBlocks
{
    /// <summary>Longer blocks are seldom repeated, and would cost an idle connection memory.</summary>
    private const int LongestBlock = 256;

    private const int LongestList = 1024;
    private const int MostBlocks = 8;

    private readonly List<RepeatedBlock> _blocks = []; // the one used last in front
    private readonly uint[] _seenOnce = new uint[MostBlocks];
    private int _nextSeen;

    /// <summary>Writes the fields that <paramref name="block"/> stands for to <paramref name="fields"/>; false when it isn't known.</summary>
    public bool TryReplay(FieldRules.Kind kind, ReadOnlySpan<byte> block, int tableVersion, HeaderList fields)
    {
        for (int i = 0; i < _blocks.Count; i++)
        {
            RepeatedBlock known = _blocks[i];
            if (known.Kind == kind && known.TableVersion == tableVersion && block.SequenceEqual(known.Octets))
            {
                fields.Replay(known);
                if (i > 0)
                {
                    _blocks.RemoveAt(i);
                    _blocks.Insert(0, known);
                }

                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// Notes that <paramref name="block"/> was decoded to <paramref name="fields"/> and left the table as it was. It is kept when it comes
    /// for the second time: a block that never comes again costs no more than its hash.
    /// </summary>
    public void Note(FieldRules.Kind kind, ReadOnlySpan<byte> block, int tableVersion, HeaderList fields)
    {
        if (block.Length > LongestBlock || fields.Size > LongestList)
        {
            return;
        }

        uint hash = OctetHash.Of(block) + (uint)kind;
        if (!_seenOnce.AsSpan().Contains(hash))
        {
            _seenOnce[_nextSeen] = hash;
            _nextSeen = (_nextSeen + 1) % _seenOnce.Length;
            return;
        }

        if (_blocks.Count == MostBlocks)
        {
            _blocks.RemoveAt(MostBlocks - 1);
        }

        var repeated = new RepeatedBlock(kind, block.ToArray(), tableVersion, fields);
        _blocks.Insert(0, repeated);
        fields.Clear();
        fields.Replay(repeated);
    }
}

/// <summary>A block that has come before, its fields, and what their reader has made of them.</summary>
internal sealed class RepeatedBlock(FieldRules.Kind kind, byte[] octets, int tableVersion, HeaderList fields)
{
    public FieldRules.Kind Kind => kind;

    public byte[] Octets => octets;

    public int TableVersion => tableVersion;

    /// <summary>The fields, as a <see cref="HeaderList"/> has them.</summary>
    public byte[] Fields { get; } = fields.ToArray();

    public int FieldCount { get; } = fields.Count;

    /// <summary>
    /// Whatever the reader of the list wants to find again instead of reading it anew: on the receive loop, and the same for each stream.
    /// </summary>
    public object? Reading { get; set; }
}
