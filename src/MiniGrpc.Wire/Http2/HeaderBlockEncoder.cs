using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Encodes the header blocks of one connection (RFC 9113 section 4.3), replaying those that never change.
/// </summary>
/// <remarks>
/// Owned by the send gate. A block may be replayed octet for octet only while the encoder's dynamic table is the one it
/// was encoded with: <see cref="HpackEncoder.TableVersion"/> tells.
/// </remarks>
internal sealed class HeaderBlockEncoder
{
    private readonly HpackEncoder _hpack = new();
    private Dictionary<PreparedFields, Replay>? _replays;

    /// <summary>Follows the peer's SETTINGS_HEADER_TABLE_SIZE.</summary>
    public void SetPeerMaxTableSize(uint size) => _hpack.SetPeerMaxTableSize(size);

    /// <summary>Appends the block of <paramref name="prepared"/> followed by <paramref name="fields"/>.</summary>
    public void Encode(OutputBuffer output, PreparedFields? prepared, HeaderList? fields)
    {
        if (prepared is not null)
        {
            EncodePrepared(output, prepared);
        }
        else
        {
            _hpack.BeginBlock(output);
        }

        if (fields is not null)
        {
            EncodePlain(output, fields);
        }
    }

    /// <summary>Fast path 1: replay the octets while the table stands still, else encode and remember.</summary>
    private void EncodePrepared(OutputBuffer output, PreparedFields prepared)
    {
        if (_replays is not null && _replays.TryGetValue(prepared, out Replay? replay) && replay.TableVersion == _hpack.TableVersion)
        {
            output.Write(replay.Octets);
            return;
        }

        _hpack.BeginBlock(output);
        int start = output.Length;
        int version = _hpack.TableVersion;
        EncodePlain(output, prepared.Fields);
        if (_hpack.TableVersion == version)
        {
            (_replays ??= [])[prepared] = new Replay(version, output.WrittenSpan[start..].ToArray());
        }
    }

    private void EncodePlain(OutputBuffer output, HeaderList fields)
    {
        foreach (HeaderField field in fields)
        {
            _hpack.Encode(output, field.Name, field.Value, field.Indexing);
        }
    }

    private sealed class Replay(int tableVersion, byte[] octets)
    {
        public int TableVersion => tableVersion;

        public byte[] Octets => octets;
    }
}
