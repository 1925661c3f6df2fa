using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Wire.Calls;

/// <content>What the peer may send (RFC 9113 section 5.2): more for a reader that waits, and nothing that a reader doesn't take. All under the lock.</content>
internal sealed partial class MessageInbox
{
    /// <summary>
    /// What the peer may send beyond a message that is waited for and comes in more frames than one. It has only the end to send then, which
    /// needs no credit; but nghttp2 (Node.js, curl) asks its program for the end of the data only while the window is open, and would wait
    /// for ever. It is also room for the padding of the last frame.
    /// </summary>
    private const int RoomForTheEnd = 1024;

    /// <summary>
    /// Whether a waiting reader can go on. Looks at the prefix as soon as it is there: the octets of the message that
    /// somebody waits for don't count as unread, and are asked for if the window is too small for them.
    /// </summary>
    private bool IsSatisfied(ref int credit)
    {
        if (_ended)
        {
            return true;
        }

        _uncharged = Math.Max(_uncharged, MessagePrefix.Size);
        MessageReadStatus status = MessageReader.TryRead(_octets.Unread, _maxMessageSize, out MessagePrefix prefix, out _, out long missing, out _);
        if (status != MessageReadStatus.NeedMore)
        {
            // A second message where one is due is an error that the reader states; the end alone is waited for otherwise.
            return status == MessageReadStatus.Error || !_waitsForEnd || _octets.Length > prefix.TotalLength;
        }

        if (_octets.Length >= MessagePrefix.Size)
        {
            _uncharged = Math.Max(_uncharged, (int)prefix.TotalLength);
            credit += _window.Expand((int)Math.Min(missing + RoomForTheEnd, int.MaxValue));
        }

        return false;
    }

    /// <summary>
    /// A reader that has read half of a window and waits again is faster than what comes in, so a larger window may do it good. One
    /// that is slower never waits, and its window stays as small as it was. What windows grow by in all is bounded: readers that
    /// were fast may stop, and what was granted can't be taken back before the stream ends. On a path that is known to be long, where
    /// each step takes a round trip, it takes half of what is left, and leaves as much to others.
    /// </summary>
    private int GrowIfOutrun()
    {
        if (_readSinceGrowth < _window.Size / 2)
        {
            return 0;
        }

        int pathGrowth = _connectionWindow.Growth;
        long step = pathGrowth > 0 ? _connectionWindow.GrowthLeft / 2 : _window.Size;
        int size = (int)Math.Min(_window.Size + step, _largestWindow + pathGrowth);
        int growth = size - _window.Size;
        if (growth <= 0 || !_connectionWindow.TryTakeGrowth(growth))
        {
            return 0;
        }

        _readSinceGrowth = 0;
        _growth += growth;
        return _window.Grow(size);
    }

    private void NoteRead(int octets)
    {
        _readSinceGrowth = Math.Min(_readSinceGrowth, int.MaxValue - octets) + octets;
        if (_ended)
        {
            ReturnGrowth(_octets.Length);
        }
    }

    /// <summary>The peer's half has ended: it uses no window any more, but for what is unread. Readers may look at the end without the lock.</summary>
    private void NoteEnd()
    {
        Volatile.Write(ref _ended, true);
        ReturnGrowth(_octets.Length);
    }

    private void ReturnGrowth(int unread)
    {
        int kept = Math.Min(_growth, unread);
        _connectionWindow.ReturnGrowth(_growth - kept);
        _growth = kept;
    }

    /// <summary>Tells the connection how many of the octets here wait for a reader that hasn't asked for them.</summary>
    private void Charge()
    {
        int charged = Math.Max(0, _octets.Length - _uncharged);
        if (charged != _charged)
        {
            _connectionWindow.AddUnread(charged - _charged);
            _charged = charged;
        }
    }
}
