using Grpc.Core;

namespace MiniGrpc.Client.Balancing;

/// <summary>What a picker may say of a call.</summary>
internal enum PickKind : byte
{
    /// <summary>It waits for the next picker.</summary>
    Queue,

    /// <summary>It goes to a subchannel.</summary>
    Complete,

    /// <summary>It fails, unless it waits for ready.</summary>
    Fail,

    /// <summary>It fails.</summary>
    Drop,
}

/// <summary>Where a call goes: see <see cref="SubchannelPicker"/>.</summary>
public readonly struct PickResult
{
    private PickResult(PickKind kind, Subchannel? subchannel, Status status)
    {
        Kind = kind;
        Subchannel = subchannel;
        Status = status;
    }

    /// <summary>The subchannel it goes to, if there is one.</summary>
    public Subchannel? Subchannel { get; }

    /// <summary>Why it fails, if it does.</summary>
    public Status Status { get; }

    internal PickKind Kind { get; }

    /// <summary>The call goes to <paramref name="subchannel"/>. If that has no connection any more, the call waits for the next picker.</summary>
    public static PickResult ForSubchannel(Subchannel subchannel)
    {
        ArgumentNullException.ThrowIfNull(subchannel);
        return new PickResult(PickKind.Complete, subchannel, default);
    }

    /// <summary>The call waits for the next picker.</summary>
    public static PickResult ForQueue() => default;

    /// <summary>The call fails with <paramref name="status"/>, unless it waits for ready.</summary>
    /// <exception cref="ArgumentException">The status is OK.</exception>
    public static PickResult ForFailure(Status status) => new(PickKind.Fail, null, NotOk(status));

    /// <summary>The call fails with <paramref name="status"/>, even if it waits for ready, and isn't tried again.</summary>
    /// <exception cref="ArgumentException">The status is OK.</exception>
    public static PickResult ForDrop(Status status) => new(PickKind.Drop, null, NotOk(status));

    private static Status NotOk(Status status) => status.StatusCode == StatusCode.OK
        ? throw new ArgumentException("A call that goes nowhere can't have the status OK.", nameof(status))
        : status;
}
