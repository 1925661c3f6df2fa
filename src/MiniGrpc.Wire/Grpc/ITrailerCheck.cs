using System.Buffers;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// A compression whose format ends in a trailer about the data, against which a finished message can be held.
/// </summary>
/// <remarks>
/// Needed because the framework's streams report the end of data that were cut off as an ordinary end (unless a switch for
/// the whole process is set), and ignore whatever stands behind the end. Both show in the last octets.
/// </remarks>
internal interface ITrailerCheck
{
    /// <summary>Whether <paramref name="compressed"/> ends in the trailer that belongs to <paramref name="message"/>.</summary>
    bool TrailerMatches(in ReadOnlySequence<byte> compressed, ReadOnlySpan<byte> message);
}
