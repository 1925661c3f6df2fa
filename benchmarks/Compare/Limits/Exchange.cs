using System.Buffers.Binary;
using MiniGrpc.Benchmarks.Compare.Load;

namespace MiniGrpc.Benchmarks.Compare.Limits;

/// <summary>
/// What passes on a bare socket: <paramref name="Count"/> times so many bytes to the server, then so many to the client. One
/// of them may be none: then it is a stream. When all is done the server says so with a single byte.
/// </summary>
internal readonly record struct Exchange(int Count, int RequestBytes, int ReplyBytes)
{
    /// <summary>The length of this description itself, with which the client begins.</summary>
    public const int Size = 12;

    // What MiniGrpc puts on the wire around the payload when its HPACK tables are warm. Request: HEADERS of 9 + 8 octets, DATA of
    // 9, gRPC's prefix of 5, protobuf's of 2. Reply: the same DATA, HEADERS of 9 + 2 before it and of 9 + 1 after it.
    private const int MessageOverhead = 9 + 5 + 2;
    private const int RequestOverhead = 9 + 8 + MessageOverhead;
    private const int ReplyOverhead = 9 + 2 + MessageOverhead + 9 + 1;

    // An exchange isn't cut short when a load ends, so that it must not take long; what it begins and ends with is little beside it.
    private const int RoundTrips = 1000;

    /// <summary>As many bytes as <paramref name="work"/> takes at the least.</summary>
    public static Exchange For(string work, LoadGenerator load)
    {
        int payload = load.PayloadBytes;
        return work switch
        {
            "unary" => new(RoundTrips, payload + RequestOverhead, payload + ReplyOverhead),
            "ping-pong" => new(RoundTrips, payload + MessageOverhead, payload + MessageOverhead),
            "download" or "download-bytes" => new(load.MessagesPerCall, 0, payload),
            "upload" or "upload-bytes" => new(load.MessagesPerCall, payload, 0),
            _ => throw new ArgumentException($"Sockets have no counterpart of '{work}'.", nameof(work)),
        };
    }

    public static Exchange Read(ReadOnlySpan<byte> from) => new(
        BinaryPrimitives.ReadInt32LittleEndian(from),
        BinaryPrimitives.ReadInt32LittleEndian(from[4..]),
        BinaryPrimitives.ReadInt32LittleEndian(from[8..]));

    public byte[] ToBytes()
    {
        byte[] bytes = new byte[Size];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, Count);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(4), RequestBytes);
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(8), ReplyBytes);
        return bytes;
    }
}
