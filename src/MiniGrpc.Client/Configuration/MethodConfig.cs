namespace MiniGrpc.Client.Configuration;

/// <summary>What holds for the calls of some methods, unless the call itself says otherwise.</summary>
/// <remarks>Not thread-safe.</remarks>
public sealed class MethodConfig
{
    /// <summary>The methods it is for. Default empty: none, so the entry has no effect. A name may stand once in the whole <see cref="ServiceConfig"/>.</summary>
    public IList<MethodName> Names { get; } = [];

    /// <summary>
    /// Whether calls that don't say so themselves wait for a connection instead of failing at once. Default null: they don't wait.
    /// </summary>
    public bool? WaitForReady { get; set; }

    /// <summary>
    /// How long a call may take, all its attempts together; the shorter one of this and the call's own deadline counts. Not negative,
    /// at most 315,576,000,000 seconds. Default null: the call's own deadline, if it has one.
    /// </summary>
    public TimeSpan? Timeout { get; set; }

    /// <summary>
    /// The largest request message to send, in bytes, before compression; the smaller one of this and the channel's limit
    /// counts. 0 allows empty messages only. Default null: the channel's limit.
    /// </summary>
    public int? MaxRequestMessageBytes { get; set; }

    /// <summary>
    /// The largest response message to accept, in bytes, decompressed; the smaller one of this and the channel's limit
    /// counts. 0 allows empty messages only. Default null: the channel's limit.
    /// </summary>
    public int? MaxResponseMessageBytes { get; set; }

    /// <summary>How failed calls are tried again. Default null: they aren't. Excludes <see cref="HedgingPolicy"/>.</summary>
    public RetryPolicy? RetryPolicy { get; set; }

    /// <summary>How a call is sent several times at once. Default null: it isn't. Excludes <see cref="RetryPolicy"/>.</summary>
    public HedgingPolicy? HedgingPolicy { get; set; }

    /// <summary>The first rule that is broken; null when all is well.</summary>
    internal string? FindMistake(string place) =>
        FindMistakeInNames($"{place}.name")
        ?? Rules.Duration(Timeout, $"{place}.timeout")
        ?? Rules.Size(MaxRequestMessageBytes, $"{place}.maxRequestMessageBytes")
        ?? Rules.Size(MaxResponseMessageBytes, $"{place}.maxResponseMessageBytes")
        ?? (RetryPolicy is not null && HedgingPolicy is not null ? $"{place}: retryPolicy and hedgingPolicy exclude each other" : null)
        ?? RetryPolicy?.FindMistake($"{place}.retryPolicy")
        ?? HedgingPolicy?.FindMistake($"{place}.hedgingPolicy");

    private string? FindMistakeInNames(string place)
    {
        for (int i = 0; i < Names.Count; i++)
        {
            string name = $"{place}[{i}]";
            if ((Names[i] is { } given ? given.FindMistake(name) : Rules.Missing(name)) is { } mistake)
            {
                return mistake;
            }
        }

        return null;
    }
}
