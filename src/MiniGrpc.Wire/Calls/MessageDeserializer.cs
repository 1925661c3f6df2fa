using System.Buffers;

using Grpc.Core;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Wire.Calls;

/// <summary>Shows the octets of one message to a marshaller.</summary>
/// <remarks>One a thread, lent out for one message at a time.</remarks>
internal sealed class MessageDeserializer : DeserializationContext
{
    [ThreadStatic]
    private static MessageDeserializer? t_idle;

    private ReadOnlySequence<byte> _payload;

    /// <inheritdoc />
    public override int PayloadLength => (int)_payload.Length;

    /// <summary>Reads a message; <paramref name="error"/> says what is wrong with it if there is none.</summary>
    /// <param name="marshaller">Turns octets into the message.</param>
    /// <param name="prefix">The message's prefix.</param>
    /// <param name="payload">The message's octets as they came.</param>
    /// <param name="compression">What <c>grpc-encoding</c> names, or null.</param>
    /// <param name="maxMessageSize">The limit, which also holds for what a compressed message unfolds to.</param>
    /// <param name="message">The message.</param>
    /// <param name="error">What is wrong.</param>
    public static bool TryDeserialize<T>(
        Marshaller<T> marshaller,
        MessagePrefix prefix,
        in ReadOnlySequence<byte> payload,
        ICompressionProvider? compression,
        int maxMessageSize,
        out T message,
        out GrpcError? error)
    {
        MessageDeserializer deserializer = t_idle ?? new MessageDeserializer();
        t_idle = null;
        OutputBuffer? decompressed = null;
        message = default!;
        try
        {
            if (prefix.IsCompressed)
            {
                decompressed = new OutputBuffer();
                error = MessageCompression.Decompress(compression, payload, maxMessageSize, decompressed);
                if (error is not null)
                {
                    return false;
                }
            }

            deserializer._payload = decompressed is null ? payload : new ReadOnlySequence<byte>(decompressed.WrittenMemory);
            message = marshaller.ContextualDeserializer(deserializer);
            error = null;
            return true;
        }
        catch (Exception e)
        {
            // The octets are the peer's, and so is the fault: the call fails and says what the marshaller found.
            error = new GrpcError(GrpcStatusCode.Internal, $"A message can't be read: {e.Message}");
            return false;
        }
        finally
        {
            deserializer._payload = default;
            t_idle = deserializer;
            decompressed?.Release();
        }
    }

    /// <inheritdoc />
    public override byte[] PayloadAsNewBuffer()
    {
        // All of it is written over: clearing it first would cost a large message as much as copying it does.
        byte[] copy = GC.AllocateUninitializedArray<byte>(PayloadLength);
        _payload.CopyTo(copy);
        return copy;
    }

    /// <inheritdoc />
    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => _payload;
}
