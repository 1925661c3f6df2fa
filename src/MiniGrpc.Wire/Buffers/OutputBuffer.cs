using System.Buffers;

namespace MiniGrpc.Wire.Buffers;

/// <summary>
/// A contiguous, growable byte buffer that frames and header blocks are written into.
/// Contiguous, so that a frame's length can be patched once its payload is known.
/// </summary>
/// <remarks>
/// Not thread-safe: its owner serialises access. The array comes from the shared pool and goes back
/// on <see cref="Release"/>, so an idle owner holds no memory.
/// </remarks>
internal sealed class OutputBuffer : IBufferWriter<byte>
{
    /// <summary>The smallest array taken from the pool: most control frames and unary replies fit several times.</summary>
    private const int MinimumCapacity = 512;

    private byte[] _array = [];
    private int _length;

    /// <summary>The number of bytes written since the last <see cref="Clear"/> or <see cref="Release"/>.</summary>
    public int Length => _length;

    /// <summary>The bytes written so far. Valid until the next write that grows the buffer.</summary>
    public Span<byte> WrittenSpan => _array.AsSpan(0, _length);

    /// <summary>The bytes written so far, as memory. Valid until the next write that grows the buffer.</summary>
    public ReadOnlyMemory<byte> WrittenMemory => _array.AsMemory(0, _length);

    /// <summary>Returns at least <paramref name="sizeHint"/> bytes of room behind what has been written.</summary>
    public Span<byte> GetSpan(int sizeHint = 1)
    {
        if (_array.Length - _length < sizeHint)
        {
            Grow(sizeHint);
        }

        return _array.AsSpan(_length);
    }

    /// <inheritdoc />
    public Memory<byte> GetMemory(int sizeHint = 1)
    {
        GetSpan(sizeHint);
        return _array.AsMemory(_length);
    }

    /// <summary>Counts <paramref name="count"/> bytes of the span last returned as written.</summary>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)(_array.Length - _length), nameof(count));
        _length += count;
    }

    /// <summary>Reserves <paramref name="count"/> bytes, counts them as written, and returns them to be filled in.</summary>
    public Span<byte> Reserve(int count)
    {
        Span<byte> span = GetSpan(count)[..count];
        _length += count;
        return span;
    }

    /// <summary>Appends <paramref name="bytes"/>.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Reserve(bytes.Length));

    /// <summary>Appends one byte.</summary>
    public void WriteByte(byte value) => Reserve(1)[0] = value;

    /// <summary>Takes back everything written at or after <paramref name="length"/>.</summary>
    public void Truncate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, (uint)_length, nameof(length));
        _length = length;
    }

    /// <summary>Gives away the array with what has been written at its start; it is now the caller's to return to the shared pool.</summary>
    public byte[] Detach()
    {
        byte[] array = _array;
        _array = [];
        _length = 0;
        return array;
    }

    /// <summary>
    /// Moves what has been written to an array of that size, and gives the pool's back. For what lives on: the buffer may be
    /// read, but neither written nor released, since its array would go to the pool then.
    /// </summary>
    public void LeavePool()
    {
        byte[] own = WrittenSpan.ToArray();
        Release();
        _array = own;
        _length = own.Length;
    }

    /// <summary>Empties the buffer and keeps its array.</summary>
    public void Clear() => _length = 0;

    /// <summary>Empties the buffer and gives its array back to the pool.</summary>
    public void Release()
    {
        byte[] array = _array;
        _array = [];
        _length = 0;
        if (array.Length > 0)
        {
            BytePool.Return(array);
        }
    }

    private void Grow(int sizeHint)
    {
        int capacity = checked((int)uint.Max(MinimumCapacity, uint.Max((uint)_array.Length * 2, (uint)_length + (uint)sizeHint)));
        byte[] larger = BytePool.Rent(capacity);
        _array.AsSpan(0, _length).CopyTo(larger);
        if (_array.Length > 0)
        {
            BytePool.Return(_array);
        }

        _array = larger;
    }
}
