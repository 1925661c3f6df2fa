using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>How the tests of the frame types write frames, take them apart, and look at errors.</summary>
internal static class FrameBytes
{
    /// <summary>The octets that <paramref name="write"/> appends.</summary>
    public static byte[] Written(Action<OutputBuffer> write)
    {
        var output = new OutputBuffer();
        write(output);
        byte[] bytes = output.WrittenSpan.ToArray();
        output.Release();
        return bytes;
    }

    /// <summary>The octets that a string of hexadecimal digits stands for; spaces are for the reader.</summary>
    public static byte[] Hex(string digits) => Convert.FromHexString(digits.Replace(" ", "", StringComparison.Ordinal));

    /// <summary>Cuts octets into frames.</summary>
    public static List<(FrameHeader Header, byte[] Payload)> Split(byte[] bytes)
    {
        var frames = new List<(FrameHeader, byte[])>();
        for (int at = 0; at < bytes.Length;)
        {
            var header = FrameHeader.Read(bytes.AsSpan(at));
            at += FrameHeader.Size;
            frames.Add((header, bytes[at..(at + header.Length)]));
            at += header.Length;
        }

        return frames;
    }

    /// <summary>The header and payload of the only frame in <paramref name="bytes"/>.</summary>
    public static (FrameHeader Header, byte[] Payload) Single(byte[] bytes) => Assert.Single(Split(bytes));

    /// <summary>The header of a frame with the given payload.</summary>
    public static FrameHeader Header(FrameType type, FrameFlags flags, int streamId, byte[] payload) =>
        new(payload.Length, type, flags, streamId);

    /// <summary>What the parser of <paramref name="type"/> says about the frame.</summary>
    public static ProtocolError? Judge(FrameType type, FrameFlags flags, int streamId, params byte[] payload)
    {
        FrameHeader header = Header(type, flags, streamId, payload);
        return type switch
        {
            FrameType.Data => DataFrame.Parse(header, payload, out _),
            FrameType.Headers => HeadersFrame.Parse(header, payload, out _),
            FrameType.Priority => PriorityFrame.Parse(header, payload, out _),
            FrameType.RstStream => RstStreamFrame.Parse(header, payload, out _),
            FrameType.Settings => SettingsFrame.Parse(header, payload, out _),
            FrameType.PushPromise => PushPromiseFrame.Parse(header, payload, out _),
            FrameType.Ping => PingFrame.Parse(header, payload, out _),
            FrameType.GoAway => GoAwayFrame.Parse(header, payload, out _),
            FrameType.WindowUpdate => WindowUpdateFrame.Parse(header, payload, out _),
            FrameType.Continuation => ContinuationFrame.Parse(header, payload, out _),
            _ => throw new ArgumentOutOfRangeException(nameof(type)),
        };
    }

    /// <summary>Asserts a connection error with the given code and section.</summary>
    public static void IsConnectionError(ProtocolError? error, ErrorCode code, string section)
    {
        Assert.NotNull(error);
        Assert.Equal((ErrorScope.Connection, code, section, 0), (error.Scope, error.Code, error.Section, error.StreamId));
    }

    /// <summary>Asserts a stream error with the given stream, code and section.</summary>
    public static void IsStreamError(ProtocolError? error, int streamId, ErrorCode code, string section)
    {
        Assert.NotNull(error);
        Assert.Equal((ErrorScope.Stream, code, section, streamId), (error.Scope, error.Code, error.Section, error.StreamId));
    }
}
