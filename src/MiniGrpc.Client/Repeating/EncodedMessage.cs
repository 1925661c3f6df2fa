using System.Buffers;

using Grpc.Core;

using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Client.Repeating;

/// <summary>A request as octets, which every attempt of a call sends: its marshaller is asked once.</summary>
internal sealed class EncodedMessage
{
    private const int Overhead = 64;

    private readonly byte[] _octets;

    private EncodedMessage(byte[] octets) => _octets = octets;

    /// <summary>Its octets.</summary>
    public int Length => _octets.Length;

    /// <summary>What it takes in memory while it is kept, with what stands around it: many small messages take more than their octets.</summary>
    public int Room => _octets.Length + Overhead;

    /// <summary>Encodes <paramref name="message"/>.</summary>
    /// <exception cref="RpcException">RESOURCE_EXHAUSTED: it is longer than <paramref name="maxMessageSize"/>.</exception>
    public static EncodedMessage Of<T>(Marshaller<T> marshaller, T message, int? maxMessageSize)
    {
        MessageSerializer serializer = MessageSerializer.Rent();
        byte[] octets = serializer.Serialize(marshaller, message, compression: null, maxMessageSize).WrittenSpan[MessagePrefix.Size..].ToArray();
        serializer.Return();
        return new EncodedMessage(octets);
    }

    /// <summary>The same method for messages that are encoded already.</summary>
    public static Method<EncodedMessage, TResponse> MethodFor<TRequest, TResponse>(Method<TRequest, TResponse> method)
    {
        var marshaller = new Marshaller<EncodedMessage>(Write, static _ => throw new NotSupportedException("Requests are sent, not received."));
        return new Method<EncodedMessage, TResponse>(method.Type, method.ServiceName, method.Name, marshaller, method.ResponseMarshaller);
    }

    private static void Write(EncodedMessage message, SerializationContext context)
    {
        context.SetPayloadLength(message.Length);
        context.GetBufferWriter().Write(message._octets);
        context.Complete();
    }
}
