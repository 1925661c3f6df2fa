using System.Diagnostics;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// How many octets of DATA the peer may still send, on a stream or on the connection, and when it is told of more
/// (RFC 9113 sections 6.9.1 and 5.2.2).
/// </summary>
/// <remarks>
/// <para>Every octet of credit is in exactly one place:</para>
/// <code>
///            TryReceive               Release                   at a quarter of the size
/// Available ------------> Unreleased ---------> pending, or else ------------------------> Available
///     ^                                         pays off the advance                     (WINDOW_UPDATE)
///     |  Expand: out of what is pending, then as an advance
///
/// Available + Unreleased + pending = Size + advance         holds after each call
/// advance = 0, or pending = 0                               likewise
/// </code>
/// <para>
/// The first line says that no credit is lost or given twice: <see cref="Size"/> only changes by <see cref="Grow"/>, and
/// an advance is credit that was lent for a message longer than the window and is kept back when that message is released.
/// The second keeps <see cref="Available"/> below 2^31: credit goes out from what is pending only while there is no advance,
/// when the three terms together are <see cref="Size"/>.
/// </para>
/// <para>
/// WINDOW_UPDATE goes out once a quarter of the window is pending: often enough that a peer which keeps sending never
/// stands still on a short path, and never for less than a full DATA frame of the first window. On a long one up to a quarter lies idle
/// here while the peer waits for it. With half it was half: messages of 64 KiB over 20 ms made 11 MB/s of a window of 512 KiB.
/// </para>
/// <para>A mutable struct that belongs to the receive loop; keep it in a field, not in a copy.</para>
/// </remarks>
internal struct ReceiveWindow
{
    private int _pending;
    private long _advance;

    /// <summary>A window of <paramref name="size"/> octets, all of which the peer may use.</summary>
    public ReceiveWindow(int size)
    {
        Size = size;
        Available = size;
    }

    /// <summary>What the peer may have under way or unread, advances aside, in octets.</summary>
    public int Size { get; private set; }

    /// <summary>What the peer may still send, as it will see it once all updates have reached it; never negative.</summary>
    public int Available { get; private set; }

    /// <summary>What was received and not yet released.</summary>
    public readonly long Unreleased => Size + _advance - Available - _pending;

    /// <summary>Takes the flow-controlled length of a DATA frame.</summary>
    /// <returns>False, and no change, when the peer sent more than it was allowed: a FLOW_CONTROL_ERROR.</returns>
    public bool TryReceive(int octets)
    {
        if (octets > Available)
        {
            return false;
        }

        Available -= octets;
        return true;
    }

    /// <summary>Gives back what was received and is now consumed or thrown away.</summary>
    /// <returns>The increment of the WINDOW_UPDATE that is due now; 0 for none.</returns>
    public int Release(int octets)
    {
        Debug.Assert(octets >= 0 && octets <= Unreleased, "more was released than was received");
        int repaid = (int)long.Min(octets, _advance);
        _advance -= repaid;
        _pending += octets - repaid;

        if (_pending < Size / 4)
        {
            return 0;
        }

        int increment = _pending;
        _pending = 0;
        Available += increment;
        return increment;
    }

    /// <summary>
    /// Makes sure that the peer may send <paramref name="octets"/> more, for a reader that waits for the rest of a message
    /// and releases nothing before it is there. Asking twice for the same rest gives nothing twice.
    /// </summary>
    /// <returns>The increment of the WINDOW_UPDATE that is due now; 0 for none.</returns>
    public int Expand(int octets)
    {
        if (octets <= Available)
        {
            return 0;
        }

        int increment = octets - Available;
        int fromPending = int.Min(increment, _pending);
        _pending -= fromPending;
        _advance += increment - fromPending;
        Available += increment;
        return increment;
    }

    /// <summary>Makes the window larger for good. A smaller size changes nothing: credit can't be taken back.</summary>
    /// <returns>The increment of the WINDOW_UPDATE that is due now; 0 for none.</returns>
    public int Grow(int newSize)
    {
        if (newSize <= Size)
        {
            return 0;
        }

        int added = newSize - Size;
        int repaid = (int)long.Min(added, _advance);
        _advance -= repaid;
        Size = newSize;

        int increment = added - repaid + _pending;
        _pending = 0;
        Available += increment;
        return increment;
    }
}
