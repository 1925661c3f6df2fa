using System.Diagnostics;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// How many octets of DATA may still be sent, on a stream or on the connection (RFC 9113 section 6.9.1).
/// </summary>
/// <remarks>
/// <para>
/// Sending takes from it, WINDOW_UPDATE adds to it, and for a stream a change of the peer's INITIAL_WINDOW_SIZE moves it
/// by the difference, which may leave it negative: then nothing is sent until WINDOW_UPDATE has made up for it
/// (section 6.9.2). Above 2^31-1 it is an error of the peer.
/// </para>
/// <para>
/// It never underflows: credit is only consumed when there is some, so whatever the initial size once was, the window
/// is at least the current initial size, which is 0 or more, minus 2^31-1.
/// </para>
/// <para>A mutable struct that belongs to the send gate; keep it in a field, not in a copy.</para>
/// </remarks>
internal struct SendWindow
{
    /// <summary>A window of <paramref name="size"/> octets.</summary>
    public SendWindow(int size) => Available = size;

    /// <summary>The octets that may be sent now; may be negative.</summary>
    public int Available { get; private set; }

    /// <summary>Adds the increment of a WINDOW_UPDATE.</summary>
    /// <returns>False, and no change, when the window would pass 2^31-1: a FLOW_CONTROL_ERROR.</returns>
    public bool TryIncrease(int increment) => TryAdjust(increment);

    /// <summary>Moves the window of a stream by the difference between the new and the old INITIAL_WINDOW_SIZE.</summary>
    /// <returns>False, and no change, when the window would pass 2^31-1: a FLOW_CONTROL_ERROR of the connection.</returns>
    public bool TryAdjust(int delta)
    {
        long moved = (long)Available + delta;
        if (moved > int.MaxValue)
        {
            return false;
        }

        Available = (int)moved;
        return true;
    }

    /// <summary>Takes what is being sent; never more than <see cref="Available"/>, and an empty DATA frame takes nothing.</summary>
    public void Consume(int octets)
    {
        Debug.Assert(octets >= 0 && (octets == 0 || octets <= Available), "more was sent than the window allowed");
        Available -= octets;
    }
}
