using System.Buffers.Binary;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>
/// Changes sequences of HTTP/2 frames, knowing where a frame begins: flags, types, streams and lengths are changed, frames
/// repeated, dropped, moved, cut, put in from elsewhere and made up (RFC 9113 section 4.1).
/// </summary>
internal static class FrameMutator
{
    /// <summary>Cuts octets into frames; an incomplete one at the end stays as it is.</summary>
    public static List<byte[]> Split(ReadOnlySpan<byte> octets)
    {
        var frames = new List<byte[]>();
        while (!octets.IsEmpty)
        {
            int length = octets.Length < FrameHeader.Size
                ? octets.Length
                : int.Min(octets.Length, FrameHeader.Size + FrameHeader.Read(octets).Length);
            frames.Add(octets[..length].ToArray());
            octets = octets[length..];
        }

        return frames;
    }

    /// <summary>A changed sequence of frames.</summary>
    public static byte[] Mutate(ReadOnlySpan<byte> octets, ReadOnlySpan<byte> other, Random random)
    {
        List<byte[]> frames = Split(octets);
        RecordMutator.Mutate(frames, Split(other), random, Tweak, Create);
        return [.. frames.SelectMany(frame => frame)];
    }

    private static byte[] Tweak(byte[] frame, Random random)
    {
        if (frame.Length < FrameHeader.Size)
        {
            return OctetMutator.Mutate(frame, [], random);
        }

        var changed = (byte[])frame.Clone();
        switch (random.Next(7))
        {
            case 0:
                changed[4] ^= (byte)(1 << random.Next(8));
                return changed;
            case 1:
                changed[3] = (byte)random.Next(11);
                return changed;
            case 2:
                BinaryPrimitives.WriteUInt32BigEndian(changed.AsSpan(5), AnyStream(random));
                return changed;
            case 3:
                changed[random.Next(3)] ^= (byte)(1 << random.Next(8)); // the length lies, and all behind it shifts
                return changed;
            default:
                byte[] payload = OctetMutator.Mutate(frame[FrameHeader.Size..], frame, random);
                return WithPayload(frame, payload);
        }
    }

    private static byte[] WithPayload(byte[] frame, byte[] payload)
    {
        byte[] changed = [.. frame.AsSpan(0, FrameHeader.Size), .. payload];
        changed[0] = (byte)(payload.Length >> 16);
        changed[1] = (byte)(payload.Length >> 8);
        changed[2] = (byte)payload.Length;
        return changed;
    }

    private static byte[] Create(Random random)
    {
        var output = new OutputBuffer();
        var stream = (int)AnyStream(random);
        switch (random.Next(9))
        {
            case 0:
                DataFrame.Write(output, stream, new byte[random.Next(40)], random.Next(2) == 0);
                break;
            case 1:
                SettingsFrame.Write(output, [((SettingId)random.Next(9), AnyNumber(random))]);
                break;
            case 2:
                WindowUpdateFrame.Write(output, stream, (int)(AnyNumber(random) & int.MaxValue));
                break;
            case 3:
                RstStreamFrame.Write(output, stream, (ErrorCode)random.Next(16));
                break;
            case 4:
                PingFrame.Write(output, random.Next(2) == 0, AnyNumber(random));
                break;
            case 5:
                GoAwayFrame.Write(output, stream, (ErrorCode)random.Next(16), "why"u8);
                break;
            case 6:
                int offset = HeadersFrame.Begin(output);
                output.Write([0x83, 0x86, 0x84, (byte)(0x80 | random.Next(128))]); // POST, http, / and something else
                HeadersFrame.End(output, offset, stream, random.Next(2) == 0, 16_384);
                break;
            case 7:
                SettingsFrame.WriteAck(output);
                break;
            default:
                byte[] noise = new byte[random.Next(24)];
                random.NextBytes(noise);
                new FrameHeader(noise.Length, (FrameType)random.Next(256), (FrameFlags)random.Next(256), stream).Write(output);
                output.Write(noise);
                break;
        }

        return output.WrittenSpan.ToArray();
    }

    private static uint AnyStream(Random random) => random.Next(8) switch
    {
        0 => 0,
        1 => (uint)random.Next(2, 40),
        2 => 0x7fff_ffff,
        _ => (uint)(1 + (2 * random.Next(8))),
    };

    private static uint AnyNumber(Random random) => random.Next(5) switch
    {
        0 => 0,
        1 => (uint)random.Next(70_000),
        2 => 0x7fff_ffff,
        3 => 0xffff_ffff,
        _ => (uint)random.Next(),
    };
}
