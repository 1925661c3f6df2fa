using System.Runtime.CompilerServices;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>
/// Counts the arrays that a run has rented, and spoils each one as it is given back, so that whoever still looks at it
/// finds out.
/// </summary>
internal sealed class PoolAccount(SimWorld world) : IBytePoolWatch
{
    /// <summary>No prefix, no frame and no payload of a run begins with it.</summary>
    private const byte Spoilt = 0xdd;

    private readonly Dictionary<byte[], string?> _rented = new(ReferenceEqualityComparer.Instance);

    /// <summary>Arrays that are out.</summary>
    public int Count => _rented.Count;

    /// <summary>Where the arrays that are out were rented; empty unless the run keeps its trace.</summary>
    public IEnumerable<string> Origins => _rented.Values.OfType<string>();

    /// <inheritdoc />
    public void OnRented(byte[] array)
    {
        array.AsSpan().Fill(Spoilt);
        _rented.Add(array, world.Trace.KeepsLines ? Environment.StackTrace : null);
    }

    /// <inheritdoc />
    public void OnReturning(byte[] array)
    {
        if (!_rented.Remove(array))
        {
            world.Fail($"an array of {array.Length} octets was returned that was not out: {Environment.StackTrace}");
        }

        array.AsSpan().Fill(Spoilt);
    }

    /// <summary>What the thread keeps from call to call goes back as well.</summary>
    public static void ReleaseThreadsOwn()
    {
        MessageSerializer serializer = MessageSerializer.Rent();
        MessageOf(serializer).Release();
        serializer.Return();
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_message")]
    private static extern ref OutputBuffer MessageOf(MessageSerializer serializer);
}
