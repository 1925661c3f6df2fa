using System.Buffers.Binary;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Frames that end a connection, whichever end they come to; rows 27 to 36.</summary>
public static class BadFrames
{
    /// <summary>The name of a frame, the error, and the section that it breaks. Written by <see cref="Write"/>.</summary>
    public static TheoryData<string, ErrorName, string> All => new()
    {
        // Row 27
        { "DATA longer than MAX_FRAME_SIZE", ErrorName.FrameSizeError, "4.2" },
        { "HEADERS longer than MAX_FRAME_SIZE", ErrorName.FrameSizeError, "4.2" },
        { "an unknown frame longer than MAX_FRAME_SIZE", ErrorName.FrameSizeError, "4.2" },
        { "an unknown frame of 2^24-1 octets", ErrorName.FrameSizeError, "4.2" },

        // Rows 28 and 29
        { "an unknown frame in a header block", ErrorName.ProtocolError, "6.10" },
        { "DATA in a header block", ErrorName.ProtocolError, "6.10" },
        { "PING in a header block", ErrorName.ProtocolError, "6.10" },
        { "HEADERS in a header block", ErrorName.ProtocolError, "6.10" },
        { "CONTINUATION of another stream in a header block", ErrorName.ProtocolError, "6.10" },
        { "CONTINUATION without a header block", ErrorName.ProtocolError, "6.10" },

        // Row 30
        { "DATA padded to its whole payload", ErrorName.ProtocolError, "6.1" },
        { "DATA padded beyond its payload", ErrorName.ProtocolError, "6.1" },
        { "DATA that is to be padded and empty", ErrorName.FrameSizeError, "6.1" },
        { "HEADERS padded beyond its payload", ErrorName.ProtocolError, "6.2" },
        { "HEADERS padded into its priority", ErrorName.ProtocolError, "6.2" },

        // Row 31
        { "SETTINGS ACK with a payload", ErrorName.FrameSizeError, "6.5" },
        { "SETTINGS of 5 octets", ErrorName.FrameSizeError, "6.5" },
        { "SETTINGS on a stream", ErrorName.ProtocolError, "6.5" },
        { "MAX_FRAME_SIZE 0", ErrorName.ProtocolError, "6.5.2" },
        { "MAX_FRAME_SIZE 16383", ErrorName.ProtocolError, "6.5.2" },
        { "MAX_FRAME_SIZE 2^24", ErrorName.ProtocolError, "6.5.2" },
        { "ENABLE_PUSH 2", ErrorName.ProtocolError, "6.5.2" },
        { "INITIAL_WINDOW_SIZE 2^31", ErrorName.FlowControlError, "6.5.2" },

        // Row 32 (a stream used a second time: CVE-2016-0150)
        { "HEADERS on an even stream", ErrorName.ProtocolError, "5.1" },
        { "DATA on an idle stream", ErrorName.ProtocolError, "5.1" },
        { "RST_STREAM on an idle stream", ErrorName.ProtocolError, "5.1" },
        { "WINDOW_UPDATE on an idle stream", ErrorName.ProtocolError, "5.1" },
        { "HEADERS on a stream that has ended", ErrorName.StreamClosed, "5.1" },
        { "DATA on a stream that has ended", ErrorName.StreamClosed, "5.1" },
        { "DATA on stream 0", ErrorName.ProtocolError, "6.1" },

        // Row 33
        { "PUSH_PROMISE", ErrorName.ProtocolError, "8.4" },

        // Rows 34 and 35
        { "WINDOW_UPDATE of 0 for the connection", ErrorName.ProtocolError, "6.9" },
        { "WINDOW_UPDATE past 2^31-1 for the connection", ErrorName.FlowControlError, "6.9.1" },
        { "WINDOW_UPDATE of 5 octets", ErrorName.FrameSizeError, "6.9" },
    };

    /// <summary>Writes the frame. Stream 1 has ended, <paramref name="open"/> is open for both ends, and the streams behind it are idle.</summary>
    internal static void Write(string name, OutputBuffer output, int open)
    {
        const FrameFlags Padded = FrameFlags.Padded;
        const FrameFlags EndHeaders = FrameFlags.EndHeaders;
        switch (name)
        {
            case "DATA longer than MAX_FRAME_SIZE":
                new FrameHeader(16_385, FrameType.Data, FrameFlags.None, open).Write(output);
                break;
            case "HEADERS longer than MAX_FRAME_SIZE":
                new FrameHeader(16_385, FrameType.Headers, EndHeaders, open).Write(output);
                break;
            case "an unknown frame longer than MAX_FRAME_SIZE":
                new FrameHeader(16_385, (FrameType)0x7e, FrameFlags.None, 0).Write(output);
                break;
            case "an unknown frame of 2^24-1 octets":
                new FrameHeader(0xff_ffff, (FrameType)0x7e, FrameFlags.None, 0).Write(output);
                break;
            case "CONTINUATION without a header block":
                Frame(output, FrameType.Continuation, EndHeaders, open, 0x82);
                break;
            case "DATA padded to its whole payload":
                Frame(output, FrameType.Data, Padded, open, 3, 0, 0);
                break;
            case "DATA padded beyond its payload":
                Frame(output, FrameType.Data, Padded, open, 200, 0, 0);
                break;
            case "DATA that is to be padded and empty":
                Frame(output, FrameType.Data, Padded, open);
                break;
            case "HEADERS padded beyond its payload":
                Frame(output, FrameType.Headers, Padded | EndHeaders, open, 2, 0x82);
                break;
            case "HEADERS padded into its priority":
                Frame(output, FrameType.Headers, Padded | EndHeaders | FrameFlags.Priority, open, 1, 0, 0, 0, 0, 16);
                break;
            case "SETTINGS ACK with a payload":
                Frame(output, FrameType.Settings, FrameFlags.Ack, 0, 0, 1, 0, 0, 0, 0);
                break;
            case "SETTINGS of 5 octets":
                Frame(output, FrameType.Settings, FrameFlags.None, 0, 0, 1, 0, 0, 0);
                break;
            case "SETTINGS on a stream":
                Frame(output, FrameType.Settings, FrameFlags.None, open, 0, 1, 0, 0, 0, 0);
                break;
            case "HEADERS on an even stream":
                Frame(output, FrameType.Headers, EndHeaders, 2, 0x82);
                break;
            case "DATA on an idle stream":
                Frame(output, FrameType.Data, FrameFlags.None, open + 2, 1);
                break;
            case "RST_STREAM on an idle stream":
                RstStreamFrame.Write(output, open + 2, ErrorCode.Cancel);
                break;
            case "WINDOW_UPDATE on an idle stream":
                WindowUpdateFrame.Write(output, open + 2, 1);
                break;
            case "HEADERS on a stream that has ended":
                Frame(output, FrameType.Headers, EndHeaders, 1, 0x82);
                break;
            case "DATA on a stream that has ended":
                Frame(output, FrameType.Data, FrameFlags.None, 1, 1);
                break;
            case "DATA on stream 0":
                Frame(output, FrameType.Data, FrameFlags.None, 0, 1);
                break;
            case "PUSH_PROMISE":
                Frame(output, FrameType.PushPromise, EndHeaders, open, 0, 0, 0, 2, 0x82);
                break;
            case "WINDOW_UPDATE of 0 for the connection":
                WindowUpdateFrame.Write(output, 0, 0);
                break;
            case "WINDOW_UPDATE past 2^31-1 for the connection":
                WindowUpdateFrame.Write(output, 0, int.MaxValue);
                break;
            case "WINDOW_UPDATE of 5 octets":
                Frame(output, FrameType.WindowUpdate, FrameFlags.None, 0, 0, 0, 0, 1, 0);
                break;
            default:
                WriteSettingOrBlock(name, output, open);
                break;
        }
    }

    internal static void Frame(OutputBuffer output, FrameType type, FrameFlags flags, int id, params ReadOnlySpan<byte> payload)
    {
        new FrameHeader(payload.Length, type, flags, id).Write(output);
        output.Write(payload);
    }

    private static void WriteSettingOrBlock(string name, OutputBuffer output, int open)
    {
        (SettingId Setting, uint Value)? entry = name switch
        {
            "MAX_FRAME_SIZE 0" => (SettingId.MaxFrameSize, 0),
            "MAX_FRAME_SIZE 16383" => (SettingId.MaxFrameSize, 16_383),
            "MAX_FRAME_SIZE 2^24" => (SettingId.MaxFrameSize, 1 << 24),
            "ENABLE_PUSH 2" => (SettingId.EnablePush, 2),
            "INITIAL_WINDOW_SIZE 2^31" => (SettingId.InitialWindowSize, 1u << 31),
            _ => null,
        };
        if (entry is { } setting)
        {
            byte[] payload = new byte[6];
            BinaryPrimitives.WriteUInt16BigEndian(payload, (ushort)setting.Setting);
            BinaryPrimitives.WriteUInt32BigEndian(payload.AsSpan(2), setting.Value);
            Frame(output, FrameType.Settings, FrameFlags.None, 0, payload);
            return;
        }

        (FrameType type, int id) = name switch
        {
            "an unknown frame in a header block" => ((FrameType)0x7e, open),
            "DATA in a header block" => (FrameType.Data, open),
            "PING in a header block" => (FrameType.Ping, 0),
            "HEADERS in a header block" => (FrameType.Headers, open),
            "CONTINUATION of another stream in a header block" => (FrameType.Continuation, open + 2),
            _ => throw new ArgumentException(name),
        };
        Frame(output, FrameType.Headers, FrameFlags.None, open, 0x82);
        new FrameHeader(0, type, FrameFlags.EndHeaders, id).Write(output);
    }
}
