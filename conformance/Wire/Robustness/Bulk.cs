using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Many octets on one stream, by a peer that keeps to its windows.</summary>
internal static class Bulk
{
    private const int FrameSize = 16_384;

    /// <summary>
    /// Sends all of <paramref name="octets"/> as DATA. Waits for credit where it must, and fails when none comes: then the receiver
    /// waits for octets that it doesn't let come.
    /// </summary>
    public static async Task SendAsync(RawPeer peer, int id, ReadOnlyMemory<byte> octets, bool endStream = false)
    {
        int streamCredit = new ReceiveLimits().StreamWindow;
        while (!octets.IsEmpty)
        {
            streamCredit += peer.TakeCredit(id);
            int length = (int)long.Min(int.Min(octets.Length, FrameSize), long.Min(streamCredit, peer.ConnectionCredit));
            if (length > 0)
            {
                await peer.DataAsync(id, octets[..length].ToArray(), endStream && length == octets.Length);
                octets = octets[length..];
                streamCredit -= length;
            }
            else if (streamCredit == 0)
            {
                streamCredit += (await peer.ExpectAsync(FrameType.WindowUpdate, id)).Number;
            }
            else
            {
                await peer.WaitForCreditAsync(1);
            }
        }
    }
}
