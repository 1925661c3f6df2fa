namespace MiniGrpc.Wire.Connection;

/// <summary>Spreads what many peers would otherwise do in one moment.</summary>
internal static class Jitter
{
    /// <summary><paramref name="time"/>, longer or shorter by chance, by no more than <paramref name="fraction"/> of it.</summary>
    public static TimeSpan Vary(TimeSpan time, double fraction, Random random)
    {
#pragma warning disable CA5394 // spreading load needs no secret
        return time * (1 + (fraction * ((2 * random.NextDouble()) - 1)));
#pragma warning restore CA5394
    }
}
