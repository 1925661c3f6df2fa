using System.Text;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// The <c>content-type</c> of gRPC (gRPC over HTTP/2, Content-Type): "application/grpc", which may go on with
/// "+proto", "+json" or another name of the messages' format, and with parameters.
/// </summary>
internal static class ContentType
{
    /// <summary>What MiniGrpc sends. The format is a matter of the method's marshallers, so none is named.</summary>
    public static ReadOnlySpan<byte> Default => "application/grpc"u8;

    /// <summary>
    /// Whether <paramref name="value"/> is gRPC. "application/grpc-web" begins in the same way and is another protocol, so
    /// the character behind counts. Media types are case-insensitive (RFC 9110 section 8.3.1).
    /// </summary>
    public static bool IsGrpc(ReadOnlySpan<byte> value)
    {
        if (value.SequenceEqual(Default))
        {
            return true;
        }

        if (value.Length < Default.Length || !Ascii.EqualsIgnoreCase(value[..Default.Length], Default))
        {
            return false;
        }

        ReadOnlySpan<byte> rest = value[Default.Length..];
        return rest.StartsWith((byte)'+') || rest.TrimStart(" \t"u8) is [] or [(byte)';', ..];
    }
}
