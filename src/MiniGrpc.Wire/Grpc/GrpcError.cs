using System.Text;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// What is wrong with a message or a call on the gRPC level. It becomes the status of that call, and of no other:
/// the stream ends, the connection lives on.
/// </summary>
/// <param name="Code">The status code that the call ends with.</param>
/// <param name="Detail">One sentence for whoever reads the status; it travels as <c>grpc-message</c>.</param>
internal sealed record GrpcError(GrpcStatusCode Code, string Detail)
{
    /// <summary>Enough to recognise a bad field by. A peer may send kilobytes, and the sentence goes over the wire and into logs.</summary>
    private const int LongestQuote = 40;

    /// <summary>A field value of the peer as it may stand in <see cref="Detail"/>: in quotes, shortened, '?' for non-ASCII.</summary>
    public static string Quote(ReadOnlySpan<byte> value) =>
        value.Length > LongestQuote ? $"'{Encoding.ASCII.GetString(value[..LongestQuote])}…'" : $"'{Encoding.ASCII.GetString(value)}'";
}
