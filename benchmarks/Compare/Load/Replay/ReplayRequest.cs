using System.Buffers.Binary;
using System.Text;
using Google.Protobuf;

namespace MiniGrpc.Benchmarks.Compare.Load.Replay;

/// <summary>
/// A unary call as bytes: HEADERS and DATA, encoded once. The first call of a connection brings its fields into the server's
/// HPACK table (RFC 7541 section 6.2.1); every later one is the same bytes but for the stream identifier, and names them by
/// their places there (section 6.1), as any client does that says the same thing again.
/// </summary>
internal sealed class ReplayRequest
{
    private const int FrameHeader = 9;
    private const byte DataType = 0;
    private const byte HeadersType = 1;
    private const byte EndStream = 0x1;
    private const byte EndHeaders = 0x4;

    // Places in the static table, RFC 7541 Appendix A.
    private const byte MethodPost = 0x80 | 3;
    private const byte SchemeHttp = 0x80 | 6;
    private const byte SchemeHttps = 0x80 | 7;
    private const int Authority = 1;
    private const int Path = 4;
    private const int ContentType = 31;
    private const int UserAgent = 58;
    private const int NewName = 0;
    private const int FirstOfDynamicTable = 62;

    private readonly byte[] _first;
    private readonly byte[] _later;

    public ReplayRequest(Uri address, LoadGenerator load)
    {
        byte scheme = address.Scheme == Uri.UriSchemeHttps ? SchemeHttps : SchemeHttp;
        byte[][] fields =
        [
            Literal(Path, "", "/benchmark.Benchmark/Unary"),
            Literal(Authority, "", address.Authority),
            Literal(NewName, "te", "trailers"),
            Literal(ContentType, "", "application/grpc"),
            Literal(UserAgent, "", "replay"),
            Literal(NewName, "grpc-accept-encoding", "identity,gzip,deflate"),
        ];
        byte[] message = load.Message.ToByteArray();
        byte[] framed = [0, 0, 0, 0, 0, .. message];
        BinaryPrimitives.WriteInt32BigEndian(framed.AsSpan(1), message.Length);
        DataLength = framed.Length;

        // The newest entry has the first place.
        IEnumerable<byte> places = Enumerable.Range(0, fields.Length).Select(i => (byte)(0x80 | (FirstOfDynamicTable + fields.Length - 1 - i)));
        _first = Frames([MethodPost, scheme, .. fields.SelectMany(field => field)], framed);
        _later = Frames([MethodPost, scheme, .. places], framed);
    }

    /// <summary>Octets of DATA in a request, and in the reply, which is the same.</summary>
    public int DataLength { get; }

    /// <summary>The call on stream <paramref name="id"/>.</summary>
    public ReadOnlySpan<byte> On(int id)
    {
        byte[] call = id == 1 ? _first : _later;
        BinaryPrimitives.WriteInt32BigEndian(call.AsSpan(FrameHeader - sizeof(int)), id);
        BinaryPrimitives.WriteInt32BigEndian(call.AsSpan(call.Length - DataLength - sizeof(int)), id);
        return call;
    }

    private static byte[] Frames(byte[] block, byte[] data) =>
    [
        0, 0, (byte)block.Length, HeadersType, EndHeaders, 0, 0, 0, 0, .. block,
        0, (byte)(data.Length >> 8), (byte)data.Length, DataType, EndStream, 0, 0, 0, 0, .. data,
    ];

    /// <summary>A field that enters the table; strings shorter than 127 octets, without Huffman code.</summary>
    private static byte[] Literal(int place, string name, string value)
    {
        byte[] newName = place == NewName ? [(byte)name.Length, .. Encoding.ASCII.GetBytes(name)] : [];
        return [(byte)(0x40 | place), .. newName, (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
    }
}
