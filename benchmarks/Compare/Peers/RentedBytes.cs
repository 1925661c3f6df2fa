using System.Buffers;
using Grpc.Core;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>A message that is bytes alone, in memory of the shared pool until it is disposed of.</summary>
internal sealed class RentedBytes(int length) : IDisposable
{
    private byte[]? _array = ArrayPool<byte>.Shared.Rent(length);

    /// <exception cref="ObjectDisposedException">The memory has gone back.</exception>
    public Span<byte> Span => _array is null ? throw new ObjectDisposedException(nameof(RentedBytes)) : _array.AsSpan(0, Length);

    public int Length { get; } = length;

    public static void Write(RentedBytes message, SerializationContext context)
    {
        context.SetPayloadLength(message.Length);
        context.GetBufferWriter().Write(message.Span);
        context.Complete();
    }

    public static RentedBytes Read(DeserializationContext context)
    {
        var message = new RentedBytes(context.PayloadLength);
        context.PayloadAsReadOnlySequence().CopyTo(message.Span);
        return message;
    }

    public void Dispose()
    {
        if (_array is not null)
        {
            ArrayPool<byte>.Shared.Return(_array);
            _array = null;
        }
    }
}
