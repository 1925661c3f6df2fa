using System.Buffers.Binary;
using System.Globalization;
using System.Text;

using Google.Protobuf;
using Google.Protobuf.Reflection;

namespace MiniGrpc.Samples.Tour;

/// <summary>
/// The octets of a DATA frame pulled apart: gRPC's prefix (a flag, and the message's length in four octets) and, behind it,
/// the protobuf message, field by field. Knows as much of protobuf as Greeter's messages need: tags, lengths and numbers
/// below 128, which take one octet each.
/// </summary>
internal static class MessageOctets
{
    private const int PrefixLength = 5;
    private const int OctetsPerLine = 12;

    /// <summary>Octets in hexadecimal, each group beside its meaning.</summary>
    public static IEnumerable<(string Octets, string Meaning)> Explain(byte[] octets, MessageDescriptor type)
    {
        while (octets.Length >= PrefixLength)
        {
            int length = BinaryPrimitives.ReadInt32BigEndian(octets.AsSpan(1));
            yield return (Hex(octets[..1]), octets[0] == 0 ? "not compressed" : "compressed");
            yield return (Hex(octets[1..PrefixLength]), length == 0 ? "an empty message" : $"a message of {length} octets");

            // The trace shows only the first octets of a long frame.
            byte[] message = octets[PrefixLength..Math.Min(octets.Length, PrefixLength + length)];
            foreach ((string, string) line in ExplainFields(message, type))
            {
                yield return line;
            }

            octets = octets[(PrefixLength + message.Length)..];
        }
    }

    private static IEnumerable<(string Octets, string Meaning)> ExplainFields(byte[] message, MessageDescriptor type)
    {
        while (message.Length >= 2)
        {
            int number = WireFormat.GetTagFieldNumber(message[0]);
            string field = $"field {number}, {type.FindFieldByNumber(number)?.Name ?? "unknown"}";
            bool isNumber = WireFormat.GetTagWireType(message[0]) == WireFormat.WireType.Varint;
            yield return (Hex(message[..2]), isNumber ? $"{field}: {message[1]}" : $"{field}: {message[1]} octets");

            byte[] content = isNumber ? [] : message[2..Math.Min(message.Length, 2 + message[1])];
            foreach (byte[] line in content.Chunk(OctetsPerLine))
            {
                yield return (Hex(line), $"\"{Encoding.UTF8.GetString(line)}\"");
            }

            message = message[(2 + content.Length)..];
        }
    }

    private static string Hex(byte[] octets) =>
        string.Join(' ', octets.Select(octet => octet.ToString("x2", CultureInfo.InvariantCulture)));
}
