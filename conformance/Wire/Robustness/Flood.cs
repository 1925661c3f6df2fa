using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Frames that floods are made of.</summary>
internal static class Flood
{
    /// <summary>
    /// So many that they are more than the usual bound of what may be held, though each is but a header of nine octets, and fewer than a
    /// transport takes at once.
    /// </summary>
    public const int Frames = 5_000;

    /// <summary>Sends one frame more than <see cref="Frames"/>.</summary>
    public static Task SendAsync(RawPeer peer, Action<OutputBuffer> write) => peer.SendAsync(o =>
    {
        for (int i = 0; i <= Frames; i++)
        {
            write(o);
        }
    });

    /// <inheritdoc cref="WriteUseless"/>
    public static Task SendUselessAsync(RawPeer peer, FrameType type) => SendAsync(peer, o => WriteUseless(o, type));

    /// <summary>A frame that changes nothing on a connection whose stream 1 has ended.</summary>
    public static void WriteUseless(OutputBuffer output, FrameType type)
    {
        switch (type)
        {
            case FrameType.RstStream:
                RstStreamFrame.Write(output, 1, ErrorCode.Cancel);
                break;
            case FrameType.WindowUpdate:
                WindowUpdateFrame.Write(output, 1, 1);
                break;
            case FrameType.GoAway:
                GoAwayFrame.Write(output, 1, ErrorCode.NoError, []);
                break;
            case FrameType.Priority:
                // A stream that depends on itself: a cycle for those who keep a tree (CVE-2015-8659).
                new FrameHeader(5, FrameType.Priority, FrameFlags.None, 1).Write(output);
                output.Write([0, 0, 0, 1, 16]);
                break;
            default:
                new FrameHeader(0, type, FrameFlags.None, 1).Write(output);
                break;
        }
    }
}
