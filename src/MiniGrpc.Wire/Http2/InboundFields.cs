using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Takes the fields of one header block as HPACK decodes them, checks them (RFC 9113 sections 8.2 and 8.3) and keeps them
/// within limits. The block is always decoded to its end, since the decoder's table must follow the peer's; what is over
/// the limits is just not kept.
/// </summary>
/// <remarks>Owned by the receive loop; one for a connection.</remarks>
internal sealed class InboundFields : IFieldSink
{
    private readonly int _maxSize;
    private readonly int _maxFields;
    private FieldRules _rules;
    private HeaderList? _target;
    private long _size;
    private int _count;

    /// <summary>Creates a sink for lists of up to <paramref name="maxSize"/> octets, counted as section 6.5.2 does, in up to <paramref name="maxFields"/> fields.</summary>
    public InboundFields(int maxSize, int maxFields)
    {
        _maxSize = maxSize;
        _maxFields = maxFields;
    }

    /// <summary>The first rule that the list breaks.</summary>
    public ProtocolError? Error { get; private set; }

    /// <summary>Whether the list was longer than we said we would take.</summary>
    public bool IsTooLarge => _size > _maxSize || _count > _maxFields;

    /// <summary>Whether the list was so long that it can't be a mistake: a small block can refer to a large entry many times.</summary>
    public bool IsFarTooLarge => _size > FarOver(_maxSize) || _count > FarOver(_maxFields);

    /// <summary>Which limit the list has passed, by the name of the option.</summary>
    public string PassedLimit => _size > _maxSize ? nameof(ReceiveLimits.MaxHeaderListSize) : nameof(ReceiveLimits.MaxHeaderFields);

    /// <summary>Beyond this a list costs the connection, not just its call: 4 times what was allowed.</summary>
    public static int FarOver(int allowed) => (int)Math.Min(4L * allowed, int.MaxValue);

    /// <summary>Starts a list; with no <paramref name="target"/> the block is decoded for the table's sake alone.</summary>
    public void Begin(FieldRules.Kind kind, HeaderList? target)
    {
        _rules = new FieldRules(kind);
        _target = target;
        _size = 0;
        _count = 0;
        Error = null;
    }

    /// <summary>Ends the list.</summary>
    public void Complete()
    {
        if (_target is not null && Error is null && !IsTooLarge)
        {
            Error = _rules.Complete();
        }
    }

    /// <inheritdoc />
    public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        _size += name.Length + value.Length + HeaderList.FieldOverhead;
        _count++;
        if (_target is null || Error is not null || IsTooLarge)
        {
            return;
        }

        // gRPC sends spaces in a status message as they are, so peers send some at its ends, which HTTP/2 forbids
        // (section 8.2.1). Losing the status over that would help nobody.
        if (name.SequenceEqual("grpc-message"u8))
        {
            value = value.Trim((byte)' ');
        }

        Error = _rules.Check(name, value);
        if (Error is null)
        {
            _target.Add(name, value);
        }
    }
}
