using System.Buffers;

namespace MiniGrpc.Wire.Grpc;

/// <summary>What <see cref="MessageReader.TryRead"/> found.</summary>
internal enum MessageReadStatus
{
    /// <summary>No complete message yet.</summary>
    NeedMore,

    /// <summary>One complete message.</summary>
    Message,

    /// <summary>A prefix that no call can go on after.</summary>
    Error,
}

/// <summary>
/// Splits the bytes of a stream into messages, wherever the bytes were cut on their way
/// (gRPC over HTTP/2, Length-Prefixed-Message).
/// </summary>
/// <remarks>
/// It keeps no state between calls: what is not consumed is offered again, together with what came later. The prefix is
/// judged as soon as its five octets are there, so that no byte of a message that will be refused is waited for.
/// </remarks>
internal static class MessageReader
{
    /// <summary>Looks for one message at the start of <paramref name="buffer"/>.</summary>
    /// <param name="buffer">All bytes of the stream that have not been consumed.</param>
    /// <param name="maxMessageSize">The largest Message-Length to accept; negative or <see cref="int.MaxValue"/> for no limit.</param>
    /// <param name="prefix">The prefix, once its five octets are there.</param>
    /// <param name="payload">The message; with the prefix it takes <see cref="MessagePrefix.TotalLength"/> octets of the buffer.</param>
    /// <param name="missing">How many octets more are needed; 1 while the length is not known.</param>
    /// <param name="error">What is wrong with the prefix.</param>
    public static MessageReadStatus TryRead(
        in ReadOnlySequence<byte> buffer,
        int maxMessageSize,
        out MessagePrefix prefix,
        out ReadOnlySequence<byte> payload,
        out long missing,
        out GrpcError? error)
    {
        payload = default;
        error = null;
        if (!TryReadPrefix(buffer, out prefix))
        {
            missing = 1;
            return MessageReadStatus.NeedMore;
        }

        missing = 0;

        // A negative limit reads as no limit. 2^31 octets and more fit no .NET buffer, and are over any limit.
        uint limit = maxMessageSize < 0 ? int.MaxValue : (uint)maxMessageSize;
        if (prefix.Flag > 1 || prefix.Length > limit)
        {
            error = Describe(prefix, limit);
            return MessageReadStatus.Error;
        }

        long have = buffer.Length;
        if (have < prefix.TotalLength)
        {
            missing = prefix.TotalLength - have;
            return MessageReadStatus.NeedMore;
        }

        payload = buffer.Slice(MessagePrefix.Size, prefix.Length);
        return MessageReadStatus.Message;
    }

    private static bool TryReadPrefix(in ReadOnlySequence<byte> buffer, out MessagePrefix prefix)
    {
        ReadOnlySpan<byte> first = buffer.FirstSpan;
        if (first.Length >= MessagePrefix.Size)
        {
            prefix = MessagePrefix.Read(first);
            return true;
        }

        return TryGatherPrefix(buffer, out prefix);
    }

    /// <summary>The rare case of a prefix that is cut in two, kept apart so that the common one can be inlined.</summary>
    private static bool TryGatherPrefix(in ReadOnlySequence<byte> buffer, out MessagePrefix prefix)
    {
        if (buffer.Length < MessagePrefix.Size)
        {
            prefix = default;
            return false;
        }

        Span<byte> gathered = stackalloc byte[MessagePrefix.Size];
        buffer.Slice(0, MessagePrefix.Size).CopyTo(gathered);
        prefix = MessagePrefix.Read(gathered);
        return true;
    }

    /// <summary>An undefined flag goes first: these are most likely not the octets of a prefix, and the length means nothing.</summary>
    private static GrpcError Describe(MessagePrefix prefix, uint limit) => prefix.Flag > 1
        ? new GrpcError(GrpcStatusCode.Internal, $"A message starts with Compressed-Flag {prefix.Flag}; only 0 and 1 are defined.")
        : new GrpcError(
            GrpcStatusCode.ResourceExhausted,
            $"A message of {prefix.Length} octets is larger than the limit of {limit}.");
}
