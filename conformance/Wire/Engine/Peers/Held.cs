using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>What connections hold for their peers: streams in their tables, and octets of whatever grows with what a peer sends or doesn't take.</summary>
/// <remarks>
/// Arrays that were rented are counted by their length, not by what is in them. The pool itself is not asked: it is told of one thread's
/// arrays only, which is enough for the simulation, but not where a receive loop, a flush loop and handlers share them.
/// </remarks>
internal readonly record struct Held(int Streams, long Octets)
{
    /// <summary>
    /// The bound of a flood that is to leave nothing: the one stream that it comes on, and beside it the header tables of two connections (4 KiB
    /// each), the blocks that are known by heart (up to 1.25 KiB each, 8 on each), and an output buffer of answers on their way.
    /// </summary>
    public static Held Usual { get; } = new(1, 32 * 1024);

    /// <summary>
    /// Whether a log's line says that a peer has broken the protocol. It is written by the receive loop of that connection, before anything
    /// is let go of: what is held then is the most that was ever held.
    /// </summary>
    public static bool IsMeasuredAt(string line) => line.Contains("ended: the peer broke the protocol", StringComparison.Ordinal);

    /// <summary>What some connections hold. To be asked on the receive loop of one of them, while the others are idle.</summary>
    public static Held By(IEnumerable<Http2Connection> connections)
    {
        var sum = new Held(0, 0);
        foreach (Http2Connection connection in connections)
        {
            sum = new Held(sum.Streams + Internals.StreamsOf(connection).Count, sum.Octets + Internals.HeldOctets(connection));
        }

        return sum;
    }

    /// <summary>Asserts that it is no more than <paramref name="bound"/>.</summary>
    public void AssertWithin(Held bound) =>
        Assert.True(Streams <= bound.Streams && Octets <= bound.Octets, $"{this} is held, and the bound is {bound}");
}
