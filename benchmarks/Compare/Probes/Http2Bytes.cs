using System.Buffers.Binary;
using System.Text;

namespace MiniGrpc.Benchmarks.Compare.Probes;

/// <summary>
/// The few octets of HTTP/2 that a probe says itself: a client of either side would cost memory and time of its own.
/// </summary>
internal static class Http2Bytes
{
    public const int FrameHeaderLength = 9;
    public const byte Data = 0;
    public const byte Headers = 1;
    public const byte Settings = 4;
    public const byte EndStream = 0x1;
    public const byte Ack = 0x1;
    private const byte EndHeaders = 0x4;

    /// <summary>The server's: all settings are as RFC 9113 has them.</summary>
    public static byte[] EmptySettings { get; } = Frame(Settings, 0, 0, []);

    /// <summary>The client's connection preface: its magic octets and an empty SETTINGS (RFC 9113 section 3.4).</summary>
    public static byte[] Opening { get; } = [.. "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8, .. EmptySettings];

    public static byte[] SettingsAck { get; } = Frame(Settings, Ack, 0, []);

    /// <summary>A call of benchmark.Benchmark/Unary with an empty message, on stream 1.</summary>
    public static byte[] Call(string authority) =>
    [
        .. Frame(Headers, EndHeaders, 1,
        [
            .. Field(":method", "POST"), .. Field(":scheme", "http"), .. Field(":path", "/benchmark.Benchmark/Unary"),
            .. Field(":authority", authority), .. Field("content-type", "application/grpc"), .. Field("te", "trailers"),
        ]),
        .. Frame(Data, EndStream, 1, [0, 0, 0, 0, 0]),
    ];

    /// <summary>How long the payload is that follows a frame header.</summary>
    public static int PayloadLength(ReadOnlySpan<byte> header) => BinaryPrimitives.ReadInt32BigEndian(header) >> 8;

    private static byte[] Frame(byte type, byte flags, byte stream, byte[] payload) =>
        [(byte)(payload.Length >> 16), (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, 0, 0, 0, stream, .. payload];

    /// <summary>A literal without indexing, neither part Huffman coded, each shorter than 127 octets (RFC 7541 section 6.2.2).</summary>
    private static byte[] Field(string name, string value) =>
        [0, (byte)name.Length, .. Encoding.ASCII.GetBytes(name), (byte)value.Length, .. Encoding.ASCII.GetBytes(value)];
}
