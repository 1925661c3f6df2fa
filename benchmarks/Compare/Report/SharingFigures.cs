namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>How many connections and streams get along with each other.</summary>
internal static class SharingFigures
{
    public static readonly Figure HeapPerConnection = new("managed heap B/connection", Side.Server, Better.Lower);
    public static readonly Figure ResidentPerConnection = new("RSS B/connection", Side.Server, Better.Lower);

    public static readonly Figure Messages = new("messages/s", Side.Pair, Better.Higher);

    /// <summary>Of the stream that got most messages to the one that got fewest; 1 would be perfectly fair.</summary>
    public static readonly Figure Unevenness = new("most : least messages", Side.Pair, Better.Lower);

    /// <summary>The readers' rate beside streams that don't read, to their rate without them; 1 says that they are not disturbed.</summary>
    public static readonly Figure Undisturbed = new("rate beside stalled : alone", Side.Pair, Better.Higher);

    public static IReadOnlyList<Figure> All { get; } = [HeapPerConnection, ResidentPerConnection, Messages, Unevenness, Undisturbed];
}
