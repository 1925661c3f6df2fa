using Grpc.Core;

namespace MiniGrpc.Client.Balancing.Outliers;

/// <summary>An address whose calls are counted, and whether it is ejected (gRFC A50, the "map entry").</summary>
/// <remarks>On the channel's serializer.</remarks>
internal sealed class TrackedAddress(BalancerAddress address)
{
    private readonly List<Subchannel> _subchannels = [];
    private Status _ejection;

    /// <summary>The address.</summary>
    public BalancerAddress Address => address;

    /// <summary>How its calls end.</summary>
    public CallCounter Counter { get; } = new();

    /// <summary>When it was ejected; null while it isn't.</summary>
    public TimeSpan? EjectedAt { get; private set; }

    /// <summary>How many times as long as the base time it is ejected: one more with each ejection, one less with each interval without.</summary>
    public int Multiplier { get; private set; }

    /// <summary>Counts the calls of a subchannel to this address from now on, if <paramref name="counts"/>. An ejection that lasts is told by <see cref="TellIfEjected"/>.</summary>
    public void Add(Subchannel subchannel, bool counts)
    {
        _subchannels.RemoveAll(old => old.State == ConnectivityState.Shutdown);
        _subchannels.Add(subchannel);
        subchannel.CallCounter = counts ? Counter : null;
    }

    /// <summary>Whether calls are counted.</summary>
    public void SetCounting(bool counts) => _subchannels.ForEach(subchannel => subchannel.CallCounter = counts ? Counter : null);

    /// <summary>Ejects it; <paramref name="why"/> is what its subchannels say of it.</summary>
    public void Eject(TimeSpan now, string why)
    {
        EjectedAt = now;
        Multiplier++;
        _ejection = new Status(StatusCode.Unavailable, why);
        Array.ForEach(_subchannels.ToArray(), subchannel => subchannel.Eject(_ejection)); // a policy that hears of it may make another one
    }

    /// <summary>Takes it back.</summary>
    public void Uneject()
    {
        EjectedAt = null;
        Array.ForEach(_subchannels.ToArray(), subchannel => subchannel.Uneject());
    }

    /// <summary>Tells a new subchannel that it is ejected, if it is.</summary>
    public void TellIfEjected(Subchannel subchannel)
    {
        if (EjectedAt is not null)
        {
            subchannel.Eject(_ejection);
        }
    }

    /// <summary>An interval without an ejection has passed.</summary>
    public void LowerMultiplier() => Multiplier = Math.Max(0, Multiplier - 1);

    /// <summary>Earlier ejections are forgotten.</summary>
    public void ResetMultiplier() => Multiplier = 0;
}
