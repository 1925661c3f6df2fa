using System.Buffers;

namespace MiniGrpc.Wire.Buffers;

/// <summary>
/// Where all memory of messages, header lists and frames comes from and goes back to: the shared pool. One door, so that a
/// test can count who goes through it.
/// </summary>
/// <remarks>Thread-safe.</remarks>
internal static class BytePool
{
    /// <summary>The switch of the runtime's configuration that lets <see cref="Watch"/> be set.</summary>
    internal const string WatchSwitch = "MiniGrpc.WatchBytePool";

    // Read once, before the methods below are compiled for speed: without the switch nothing of the watching is left in them.
    private static readonly bool s_isWatched = AppContext.TryGetSwitch(WatchSwitch, out bool isSet) && isSet;

    [ThreadStatic]
    private static IBytePoolWatch? t_watch;

    /// <summary>Who is told of what this thread rents and returns; null for nobody. Without the switch nobody ever is.</summary>
    internal static IBytePoolWatch? Watch
    {
        get => t_watch;
        set => t_watch = value;
    }

    /// <summary>An array of at least <paramref name="length"/> octets, with anything in it.</summary>
    public static byte[] Rent(int length)
    {
        byte[] array = ArrayPool<byte>.Shared.Rent(length);
        if (s_isWatched)
        {
            t_watch?.OnRented(array);
        }

        return array;
    }

    /// <summary>Gives back an array that was rented here and that nobody looks at any more.</summary>
    public static void Return(byte[] array)
    {
        if (s_isWatched)
        {
            t_watch?.OnReturning(array);
        }

        ArrayPool<byte>.Shared.Return(array);
    }
}

/// <summary>Keeps count of rented arrays.</summary>
internal interface IBytePoolWatch
{
    /// <summary>The array is out.</summary>
    void OnRented(byte[] array);

    /// <summary>The array is about to be back.</summary>
    void OnReturning(byte[] array);
}
