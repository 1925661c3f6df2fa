using System.Globalization;
using System.Text;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2.Frames;

/// <summary>
/// A frame as one readable line for a wire trace, in the words of RFC 9113 section 6. Header blocks are not decoded, since
/// that takes the HPACK state of the connection: who has it adds the fields.
/// </summary>
/// <remarks>
/// Takes what a peer sent and what has not been judged yet, so it copes with everything: a frame that doesn't parse is shown in
/// hexadecimal behind the word <c>malformed</c>.
/// </remarks>
internal static class FrameFormatter
{
    /// <summary>Octets of a payload that are shown; the rest is an ellipsis. A trace is read by people.</summary>
    private const int ShownOctets = 32;

    /// <summary>Octets of GOAWAY's debug data that are shown: longer, since it is meant to be read.</summary>
    internal const int ShownDebugOctets = 256;

    /// <summary>Describes a frame.</summary>
    public static string Describe(in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        var line = new StringBuilder();
        switch (header.Type)
        {
            case FrameType.Data when DataFrame.Parse(header, payload, out DataFrame data) is null:
                Start(line, header).Append(CultureInfo.InvariantCulture, $" length={data.Data.Length}");
                AppendPadding(line, header, payload);
                AppendOctets(line, data.Data);
                break;

            case FrameType.Headers when HeadersFrame.Parse(header, payload, out HeadersFrame headers) is null:
                Start(line, header).Append(CultureInfo.InvariantCulture, $" length={headers.Fragment.Length}");
                AppendPadding(line, header, payload);
                break;

            case FrameType.Priority when PriorityFrame.Parse(header, payload, out _) is null:
                Start(line, header);
                break;

            case FrameType.RstStream when RstStreamFrame.Parse(header, payload, out RstStreamFrame reset) is null:
                Start(line, header).Append(CultureInfo.InvariantCulture, $" {ErrorCodes.Name(reset.ErrorCode)}");
                break;

            case FrameType.Settings when SettingsFrame.Parse(header, payload, out SettingsFrame settings) is null:
                Start(line, header);
                AppendSettings(line, settings);
                break;

            case FrameType.PushPromise when PushPromiseFrame.Parse(header, payload, out PushPromiseFrame promise) is null:
                Start(line, header).Append(
                    CultureInfo.InvariantCulture, $" promised_stream={promise.PromisedStreamId} length={promise.Fragment.Length}");
                AppendPadding(line, header, payload);
                break;

            case FrameType.Ping when PingFrame.Parse(header, payload, out PingFrame ping) is null:
                line.Append(CultureInfo.InvariantCulture, $"PING {(ping.IsAck ? "ACK " : "")}0x{ping.OpaqueData:x16}");
                break;

            case FrameType.GoAway when GoAwayFrame.Parse(header, payload, out GoAwayFrame goAway) is null:
                line.Append(
                    CultureInfo.InvariantCulture, $"GOAWAY last_stream={goAway.LastStreamId} {ErrorCodes.Name(goAway.ErrorCode)}");
                AppendDebugData(line, goAway.DebugData);
                break;

            case FrameType.WindowUpdate when WindowUpdateFrame.Parse(header, payload, out WindowUpdateFrame update) is null:
                Start(line, header).Append(CultureInfo.InvariantCulture, $" increment={update.Increment}");
                break;

            case FrameType.Continuation when ContinuationFrame.Parse(header, payload, out _) is null:
                Start(line, header).Append(CultureInfo.InvariantCulture, $" length={payload.Length}");
                break;

            default:
                Start(line, header).Append(CultureInfo.InvariantCulture, $" length={header.Length}");
                line.Append(header.Type <= FrameType.Continuation ? " malformed" : "");
                AppendOctets(line, payload);
                break;
        }

        return line.ToString();
    }

    /// <summary>What nearly every line starts with: the type, the stream, and the flags if there are any.</summary>
    private static StringBuilder Start(StringBuilder line, in FrameHeader header)
    {
        line.Append(Name(header.Type)).Append(CultureInfo.InvariantCulture, $" stream={header.StreamId}");
        if (header.Flags != FrameFlags.None)
        {
            line.Append(" flags=");
            AppendFlags(line, header);
        }

        return line;
    }

    private static string Name(FrameType type) => type switch
    {
        FrameType.Data => "DATA",
        FrameType.Headers => "HEADERS",
        FrameType.Priority => "PRIORITY",
        FrameType.RstStream => "RST_STREAM",
        FrameType.Settings => "SETTINGS",
        FrameType.PushPromise => "PUSH_PROMISE",
        FrameType.Ping => "PING",
        FrameType.GoAway => "GOAWAY",
        FrameType.WindowUpdate => "WINDOW_UPDATE",
        FrameType.Continuation => "CONTINUATION",
        _ => $"UNKNOWN(0x{(byte)type:x2})",
    };

    private static string Name(SettingId id) => id switch
    {
        SettingId.HeaderTableSize => "HEADER_TABLE_SIZE",
        SettingId.EnablePush => "ENABLE_PUSH",
        SettingId.MaxConcurrentStreams => "MAX_CONCURRENT_STREAMS",
        SettingId.InitialWindowSize => "INITIAL_WINDOW_SIZE",
        SettingId.MaxFrameSize => "MAX_FRAME_SIZE",
        SettingId.MaxHeaderListSize => "MAX_HEADER_LIST_SIZE",
        SettingId.EnableConnectProtocol => "ENABLE_CONNECT_PROTOCOL",
        SettingId.NoRfc7540Priorities => "NO_RFC7540_PRIORITIES",
        _ => $"0x{(ushort)id:x4}",
    };

    /// <summary>The flags that mean something for the type by name, joined by |, and the others as one number.</summary>
    private static void AppendFlags(StringBuilder line, in FrameHeader header)
    {
        bool isAck = header.Type is FrameType.Settings or FrameType.Ping;
        FrameFlags left = header.Flags;
        int start = line.Length;
        ReadOnlySpan<FrameFlags> named = [FrameFlags.EndStream, FrameFlags.EndHeaders, FrameFlags.Padded, FrameFlags.Priority];
        foreach (FrameFlags flag in named)
        {
            if (header.Has(flag) && (Meaningful(header.Type) & flag) != 0)
            {
                line.Append(line.Length > start ? "|" : "").Append(FlagName(flag, isAck));
                left &= ~flag;
            }
        }

        if (left != FrameFlags.None)
        {
            line.Append(line.Length > start ? "|" : "").Append(CultureInfo.InvariantCulture, $"0x{(byte)left:x2}");
        }
    }

    private static FrameFlags Meaningful(FrameType type) => type switch
    {
        FrameType.Data => FrameFlags.EndStream | FrameFlags.Padded,
        FrameType.Headers => FrameFlags.EndStream | FrameFlags.EndHeaders | FrameFlags.Padded | FrameFlags.Priority,
        FrameType.PushPromise => FrameFlags.EndHeaders | FrameFlags.Padded,
        FrameType.Continuation => FrameFlags.EndHeaders,
        FrameType.Settings or FrameType.Ping => FrameFlags.Ack,
        _ => FrameFlags.None,
    };

    private static string FlagName(FrameFlags flag, bool isAck) => flag switch
    {
        FrameFlags.EndStream => isAck ? "ACK" : "END_STREAM",
        FrameFlags.EndHeaders => "END_HEADERS",
        FrameFlags.Padded => "PADDED",
        _ => "PRIORITY",
    };

    private static void AppendSettings(StringBuilder line, SettingsFrame settings)
    {
        for (int i = 0; i < settings.Count; i++)
        {
            (ushort identifier, uint value) = settings[i];
            line.Append(CultureInfo.InvariantCulture, $" {Name((SettingId)identifier)}={value}");
        }
    }

    private static void AppendPadding(StringBuilder line, in FrameHeader header, ReadOnlySpan<byte> payload)
    {
        if (header.Has(FrameFlags.Padded))
        {
            line.Append(CultureInfo.InvariantCulture, $" padding={payload[0]}");
        }
    }

    private static void AppendDebugData(StringBuilder line, ReadOnlySpan<byte> debugData)
    {
        if (!debugData.IsEmpty)
        {
            line.Append(' ');
            PrintableText.Quote(line, debugData, ShownDebugOctets);
        }
    }

    /// <summary>The first octets in hexadecimal, then the same as text with a dot for what can't be printed.</summary>
    private static void AppendOctets(StringBuilder line, ReadOnlySpan<byte> octets)
    {
        ReadOnlySpan<byte> shown = octets[..int.Min(octets.Length, ShownOctets)];
        if (shown.IsEmpty)
        {
            return;
        }

        foreach (byte octet in shown)
        {
            line.Append(CultureInfo.InvariantCulture, $" {octet:x2}");
        }

        line.Append(shown.Length < octets.Length ? " … |" : " |");
        foreach (byte octet in shown)
        {
            line.Append(octet is >= 0x20 and < 0x7f ? (char)octet : '.');
        }

        line.Append('|');
    }
}
