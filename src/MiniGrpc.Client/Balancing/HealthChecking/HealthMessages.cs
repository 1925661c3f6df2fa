using System.Text;

using Grpc.Core;

namespace MiniGrpc.Client.Balancing.HealthChecking;

/// <summary>
/// The method Watch of <c>grpc.health.v1.Health</c> and its two messages, which have one field each, so that a client needs no Protocol
/// Buffers for them.
/// <code>
/// message HealthCheckRequest  { string service = 1; }         0a, length, UTF-8
/// message HealthCheckResponse { ServingStatus status = 1; }   08, value; nothing for 0
/// </code>
/// </summary>
internal static class HealthMessages
{
    private const int LengthDelimited = 2;
    private const int ServiceField = (1 << 3) | LengthDelimited;
    private const int StatusField = 1 << 3;

    /// <summary>The stream of a service's health: its status now, and each time it changes.</summary>
    public static readonly Method<string, HealthReport> Watch = new(
        MethodType.ServerStreaming,
        "grpc.health.v1.Health",
        "Watch",
        Marshallers.Create<string>(EncodeRequest, _ => throw new NotSupportedException("A client reads no requests.")),
        Marshallers.Create<HealthReport>(_ => throw new NotSupportedException("A client writes no responses."), DecodeResponse));

    /// <summary>The request for a service by its name. The empty name is the default value, which isn't written.</summary>
    public static byte[] EncodeRequest(string service)
    {
        int length = Encoding.UTF8.GetByteCount(service);
        if (length == 0)
        {
            return [];
        }

        var message = new List<byte> { ServiceField };
        for (uint rest = (uint)length; ; rest >>= 7)
        {
            message.Add((byte)(rest < 0x80 ? rest : rest | 0x80));
            if (rest < 0x80)
            {
                break;
            }
        }

        return [.. message, .. Encoding.UTF8.GetBytes(service)];
    }

    /// <summary>Reads a response. Unknown fields are passed over, and of several statuses the last one counts, as in any protobuf message.</summary>
    /// <exception cref="FormatException">It is no protobuf message; the sentence says where that shows.</exception>
    public static HealthReport DecodeResponse(byte[] message)
    {
        int status = 0;
        ReadOnlySpan<byte> rest = message;
        while (!rest.IsEmpty)
        {
            ulong field = ReadVarint(ref rest);
            if (field == StatusField)
            {
                status = (int)ReadVarint(ref rest); // an enum is an int32 in 64 bits
            }
            else
            {
                Skip(field, ref rest);
            }
        }

        return new HealthReport(status);
    }

    private static void Skip(ulong field, ref ReadOnlySpan<byte> rest)
    {
        const ulong WireTypes = 0b111;
        if (field >> 3 == 0 || field > uint.MaxValue)
        {
            throw new FormatException($"The health response has a field of the number {field >> 3}.");
        }

        switch (field & WireTypes)
        {
            case 0:
                ReadVarint(ref rest);
                break;
            case 1:
                Drop(ref rest, sizeof(ulong));
                break;
            case LengthDelimited:
                Drop(ref rest, ReadVarint(ref rest));
                break;
            case 5:
                Drop(ref rest, sizeof(uint));
                break;
            default: // 3 and 4 were groups, which no schema that a health service grew into has; 6 and 7 never were anything
                throw new FormatException($"The health response has a field of the wire type {field & WireTypes}.");
        }
    }

    private static void Drop(ref ReadOnlySpan<byte> rest, ulong count) =>
        rest = count <= (ulong)rest.Length ? rest[(int)count..] : throw new FormatException("The health response ends in the middle of a field.");

    private static ulong ReadVarint(ref ReadOnlySpan<byte> rest)
    {
        const int LongestShift = 63;
        ulong value = 0;
        for (int shift = 0; shift <= LongestShift; shift += 7)
        {
            if (rest.IsEmpty)
            {
                throw new FormatException("The health response ends in the middle of a number.");
            }

            byte octet = rest[0];
            rest = rest[1..];
            value |= (ulong)(octet & 0x7f) << shift;
            if (octet < 0x80)
            {
                return value;
            }
        }

        throw new FormatException("The health response has a number of more than ten octets.");
    }
}

/// <summary>What a server says of a service's health.</summary>
internal sealed class HealthReport(int status)
{
    private const int Serving = 1;

    /// <summary>Whether it can be given calls.</summary>
    public bool IsServing => status == Serving;

    /// <summary>The status by its name in health.proto; a number that is not there, as it is.</summary>
    public override string ToString() => status switch
    {
        0 => "UNKNOWN",
        Serving => "SERVING",
        2 => "NOT_SERVING",
        3 => "SERVICE_UNKNOWN",
        _ => status.ToString(System.Globalization.CultureInfo.InvariantCulture),
    };
}
