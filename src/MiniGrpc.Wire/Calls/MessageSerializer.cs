using System.Buffers;

using Grpc.Core;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// Turns a message into octets with the prefix in front, in one buffer: what a marshaller writes is where it is sent from.
/// </summary>
/// <remarks>One a thread, lent out for one message at a time; a marshaller that sends another message meanwhile gets its own.</remarks>
internal sealed class MessageSerializer : SerializationContext
{
    [ThreadStatic]
    private static MessageSerializer? t_idle;

    private readonly OutputBuffer _message = new();
    private bool _completed;

    /// <summary>Lends out the thread's serializer.</summary>
    public static MessageSerializer Rent()
    {
        MessageSerializer serializer = t_idle ?? new MessageSerializer();
        t_idle = null;
        return serializer;
    }

    /// <summary>Gives it back.</summary>
    public void Return()
    {
        _message.Clear();
        t_idle = this;
    }

    /// <summary>
    /// Serializes <paramref name="message"/>, compressed if <paramref name="compression"/> is given. The result is the
    /// serializer's own buffer, good until <see cref="Return"/>; it may be detached.
    /// </summary>
    /// <remarks>After an exception the serializer has been returned.</remarks>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: it is longer than <paramref name="maxMessageSize"/>.</exception>
    public OutputBuffer Serialize<T>(Marshaller<T> marshaller, T message, ICompressionProvider? compression, int? maxMessageSize)
    {
        _message.Clear();
        _message.Reserve(MessagePrefix.Size);
        _completed = false;
        try
        {
            marshaller.ContextualSerializer(message, this);
        }
        catch
        {
            Return();
            throw;
        }

        if (!_completed)
        {
            Return();
            throw new InvalidOperationException("The marshaller did not complete the message: it must call SerializationContext.Complete.");
        }

        int length = _message.Length - MessagePrefix.Size;
        if (length > maxMessageSize)
        {
            Return();
            throw new RpcException(new Status(
                StatusCode.ResourceExhausted, $"A message of {length} bytes is larger than the send limit of {maxMessageSize}."));
        }

        bool compressed = compression is not null && Compress(compression, length);
        MessagePrefix.Write(_message.WrittenSpan, compressed, _message.Length - MessagePrefix.Size);
        return _message;
    }

    /// <inheritdoc />
    public override void SetPayloadLength(int payloadLength) => _message.GetSpan(payloadLength);

    /// <inheritdoc />
    public override IBufferWriter<byte> GetBufferWriter() => _message;

    /// <inheritdoc />
    public override void Complete() => _completed = true;

    /// <inheritdoc />
    public override void Complete(byte[] payload)
    {
        _message.Write(payload);
        _completed = true;
    }

    private bool Compress(ICompressionProvider compression, int length)
    {
        byte[] plain = BytePool.Rent(length);
        _message.WrittenSpan[MessagePrefix.Size..].CopyTo(plain);
        _message.Truncate(MessagePrefix.Size);
        bool compressed = MessageCompression.Compress(compression, plain.AsSpan(0, length), _message);
        BytePool.Return(plain);
        return compressed;
    }
}
