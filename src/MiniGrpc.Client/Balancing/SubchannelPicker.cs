using Grpc.Core;

namespace MiniGrpc.Client.Balancing;

/// <summary>
/// Says where each call goes: the part of a load-balancing policy that every call meets. The policy makes a new one whenever its
/// subchannels change (<see cref="IChannelControlHelper.UpdateState"/>); calls that wait are put to it again.
/// </summary>
/// <remarks>Asked by many threads at once; must not block. Make it immutable.</remarks>
public abstract class SubchannelPicker
{
    /// <summary>Where a call goes.</summary>
    public abstract PickResult Pick(in PickContext context);

    /// <summary>Whether a call that finds no place says that the next one finds none either.</summary>
    internal virtual bool TreatsCallsAlike => false;

    /// <summary>What calls that find no place are waiting for, for the status of those that have waited too long.</summary>
    internal virtual string CallsWaitFor => "a connection or a free stream";

    /// <summary>Where a call may go instead of a subchannel that has no free stream, going round; null for nowhere else.</summary>
    internal virtual Subchannel? NextAfter(Subchannel subchannel) => null;
}

/// <summary>What a picker may look at to say where a call goes.</summary>
public readonly struct PickContext
{
    private readonly ClientCall _call;

    internal PickContext(ClientCall call) => _call = call;

    /// <summary>The full name of the method: <c>/package.Service/Method</c>.</summary>
    public string Method => _call.MethodName;

    /// <summary>The call's metadata; null if it has none. Not to be changed.</summary>
    public Metadata? Headers => _call.RequestHeaders;

    /// <summary>Whether the call waits for a connection however long that takes.</summary>
    public bool IsWaitForReady => _call.WaitsForReady;
}

/// <summary>The same answer for every call.</summary>
internal sealed class FixedPicker(PickResult result) : SubchannelPicker
{
    /// <inheritdoc />
    internal override string CallsWaitFor => result.Kind switch
    {
        PickKind.Complete => "a free stream",
        PickKind.Queue => "a connection",
        _ => $"a connection ({result.Status.Detail})",
    };

    /// <summary>Calls wait.</summary>
    public static FixedPicker Queue { get; } = new(PickResult.ForQueue());

    /// <inheritdoc />
    internal override bool TreatsCallsAlike => true;

    /// <inheritdoc />
    public override PickResult Pick(in PickContext context) => result;
}

/// <summary>Calls wait, and the first one wakes whoever can connect.</summary>
internal sealed class IdlePicker(Action wake) : SubchannelPicker
{
    private int _woken;

    /// <inheritdoc />
    internal override string CallsWaitFor => "a connection";

    /// <inheritdoc />
    internal override bool TreatsCallsAlike => true;

    /// <inheritdoc />
    public override PickResult Pick(in PickContext context)
    {
        if (Interlocked.Exchange(ref _woken, 1) == 0)
        {
            wake();
        }

        return PickResult.ForQueue();
    }
}
