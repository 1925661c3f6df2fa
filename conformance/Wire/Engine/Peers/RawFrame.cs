using System.Text;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A frame that came in, as it was on the wire.</summary>
/// <param name="Header">The frame header.</param>
/// <param name="Payload">The payload.</param>
/// <param name="Fields">The fields of the block that this frame completes, as name=value.</param>
internal sealed record RawFrame(FrameHeader Header, byte[] Payload, string[] Fields)
{
    public FrameType Type => Header.Type;

    public int StreamId => Header.StreamId;

    public bool EndStream => Type is FrameType.Headers or FrameType.Data && Header.Has(FrameFlags.EndStream);

    /// <summary>The code of RST_STREAM or GOAWAY.</summary>
    public ErrorCode ErrorCode => (ErrorCode)Payload[Type == FrameType.GoAway ? 7 : 3];

    /// <summary>What a number of four octets at the start of the payload says: an increment, a last stream identifier.</summary>
    public int Number => (int)System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(Payload);

    /// <summary>GOAWAY's debug data.</summary>
    public string DebugData => Encoding.UTF8.GetString(Payload.AsSpan(8));

    /// <summary>The value of a field of the block.</summary>
    public string? this[string name] =>
        Fields.FirstOrDefault(field => field.StartsWith(name + "=", StringComparison.Ordinal))?[(name.Length + 1)..];

    public override string ToString() => $"{FrameFormatter.Describe(Header, Payload)} {string.Join("; ", Fields)}";
}

/// <summary>What a server has answered on one stream.</summary>
internal sealed record RawResponse(RawFrame Head, byte[] Data, RawFrame? Trailers)
{
    /// <summary>The fields that the response ended with.</summary>
    public RawFrame Last => Trailers ?? Head;

    public string? Status => Last["grpc-status"];

    public string? Message => Last["grpc-message"] is { } text ? Uri.UnescapeDataString(text) : null;
}
