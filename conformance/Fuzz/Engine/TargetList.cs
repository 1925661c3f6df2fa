using MiniGrpc.Conformance.Fuzz.Targets;

namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>Every target, by name.</summary>
internal static class TargetList
{
    /// <summary>The targets, the pure ones first.</summary>
    public static FuzzTarget[] All { get; } =
    [
        new HpackTarget(), new HpackBlocksTarget(), new HuffmanTarget(), new ReplayTarget(), new ParsersTarget(), new DeframerTarget(),
        new InboxTarget(), new ReceiveTarget(), new LoopbackTarget(), new ServerTarget(), new ClientTarget(),
    ];
}
