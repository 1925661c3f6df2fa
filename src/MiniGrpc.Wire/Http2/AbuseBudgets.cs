using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Counts what a peer does that costs it little and us more, and says when it is too much (RFC 9113 section 10.5). What is legal
/// once is a violation at some rate: the connection ends with ENHANCE_YOUR_CALM.
/// </summary>
/// <remarks>Owned by the receive loop. Times are milliseconds of the connection's clock.</remarks>
internal sealed class AbuseBudgets
{
    private readonly AbuseLimits _limits;
    private RateBudget _resets;
    private RateBudget _useless;
    private RateBudget _emptyData;
    private RateBudget _settings;

    public AbuseBudgets(AbuseLimits limits)
    {
        _limits = limits;
        _resets = new RateBudget(limits.StreamResets);
        _useless = new RateBudget(limits.UselessFrames);
        _emptyData = new RateBudget(limits.EmptyDataFrames);
        _settings = new RateBudget(limits.SettingsFrames);
    }

    /// <summary>The error of a peer that has passed <paramref name="limit"/>, a property of <see cref="AbuseLimits"/>.</summary>
    public static ProtocolError Exceeded(string limit, string what) =>
        ProtocolError.Connection(ErrorCode.EnhanceYourCalm, "10.5", $"{what} (limit {limit})") with { Limit = limit };

    /// <summary>A stream was reset, by the peer or for its mistake.</summary>
    public ProtocolError? OnStreamReset(long now) => _resets.TrySpend(now)
        ? null
        : Exceeded(nameof(AbuseLimits.StreamResets), "too many streams were reset");

    /// <summary>
    /// A stream has ended in good order: who makes good use of streams may reset some. And it may still be reset by a peer that doesn't
    /// know yet (RFC 9113 section 5.1, "closed"), at whatever rate streams end.
    /// </summary>
    public void OnStreamEnded()
    {
        _resets.GiveBack();
        _useless.GiveBack();
    }

    /// <summary>
    /// We have reset a stream. What the peer had under way may still come: a RST_STREAM of its own, and, of a server, HEADERS and trailers.
    /// </summary>
    public void OnResetByUs(Role role) => _useless.GiveBack(role == Role.Client ? 3 : 1);

    /// <summary>A frame that changes nothing.</summary>
    public ProtocolError? OnUselessFrame(FrameType type, long now) => _useless.TrySpend(now)
        ? null
        : Exceeded(nameof(AbuseLimits.UselessFrames), $"too many frames that change nothing, the last one {type}");

    /// <summary>DATA without octets, padding and END_STREAM.</summary>
    public ProtocolError? OnEmptyData(long now) => _emptyData.TrySpend(now)
        ? null
        : Exceeded(nameof(AbuseLimits.EmptyDataFrames), "too many empty DATA frames");

    /// <summary>A SETTINGS frame with <paramref name="entries"/> entries.</summary>
    public ProtocolError? OnSettings(int entries, long now)
    {
        if (entries > _limits.SettingsEntries)
        {
            return Exceeded(nameof(AbuseLimits.SettingsEntries), $"a SETTINGS frame with {entries} entries");
        }

        return _settings.TrySpend(now) ? null : Exceeded(nameof(AbuseLimits.SettingsFrames), "too many SETTINGS frames");
    }
}
