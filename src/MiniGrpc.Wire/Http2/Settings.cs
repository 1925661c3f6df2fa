namespace MiniGrpc.Wire.Http2;

/// <summary>
/// The settings of one side of a connection: what that side is able to receive (RFC 9113 section 6.5.2).
/// They start with the defaults, which hold until a SETTINGS frame says otherwise.
/// </summary>
/// <remarks>Not thread-safe: the peer's settings belong to the send gate, our own to the receive loop.</remarks>
internal sealed class Settings
{
    /// <summary>The initial value of INITIAL_WINDOW_SIZE, and for good the initial window of the connection (section 6.9.2).</summary>
    public const int DefaultInitialWindowSize = 65_535;

    /// <summary>The initial and smallest value of MAX_FRAME_SIZE.</summary>
    public const int DefaultMaxFrameSize = 16_384;

    /// <summary>The largest value of MAX_FRAME_SIZE: what the 24 bits of a frame's length can say.</summary>
    public const int LargestMaxFrameSize = 16_777_215;

    /// <summary>The initial value of HEADER_TABLE_SIZE.</summary>
    public const uint DefaultHeaderTableSize = 4096;

    private const string Section = "6.5.2";

    private readonly bool _ofServer;

    /// <summary>Settings at their defaults.</summary>
    /// <param name="ofServer">Whether this is what a server announces: then ENABLE_PUSH may only be 0.</param>
    public Settings(bool ofServer = false) => _ofServer = ofServer;

    /// <summary>The largest HPACK dynamic table that this side's decoder keeps, in octets.</summary>
    public uint HeaderTableSize { get; set; } = DefaultHeaderTableSize;

    /// <summary>Whether this side accepts PUSH_PROMISE.</summary>
    public bool EnablePush { get; set; } = true;

    /// <summary>How many streams the other side may have open; <see cref="uint.MaxValue"/> is no limit.</summary>
    public uint MaxConcurrentStreams { get; set; } = uint.MaxValue;

    /// <summary>The window that the other side's streams start with, in octets.</summary>
    public int InitialWindowSize { get; set; } = DefaultInitialWindowSize;

    /// <summary>The longest frame payload that this side takes, in octets.</summary>
    public int MaxFrameSize { get; set; } = DefaultMaxFrameSize;

    /// <summary>The largest header list that this side takes, counted as in RFC 9113 section 6.5.2; advisory.</summary>
    public uint MaxHeaderListSize { get; set; } = uint.MaxValue;

    /// <summary>Takes over one entry of a SETTINGS frame.</summary>
    /// <returns>A connection error when the value is out of range; null when it was taken over or has no meaning here.</returns>
    public ProtocolError? Apply(SettingId id, uint value)
    {
        switch (id)
        {
            case SettingId.HeaderTableSize:
                HeaderTableSize = value;
                return null;

            case SettingId.EnablePush when value > (_ofServer ? 0 : 1):
                return OutOfRange(ErrorCode.ProtocolError, "ENABLE_PUSH", value);
            case SettingId.EnablePush:
                EnablePush = value == 1;
                return null;

            case SettingId.MaxConcurrentStreams:
                MaxConcurrentStreams = value;
                return null;

            // A window has 31 bits, as the increment of WINDOW_UPDATE does.
            case SettingId.InitialWindowSize when value > int.MaxValue:
                return OutOfRange(ErrorCode.FlowControlError, "INITIAL_WINDOW_SIZE", value);
            case SettingId.InitialWindowSize:
                InitialWindowSize = (int)value;
                return null;

            case SettingId.MaxFrameSize when value is < DefaultMaxFrameSize or > LargestMaxFrameSize:
                return OutOfRange(ErrorCode.ProtocolError, "MAX_FRAME_SIZE", value);
            case SettingId.MaxFrameSize:
                MaxFrameSize = (int)value;
                return null;

            case SettingId.MaxHeaderListSize:
                MaxHeaderListSize = value;
                return null;

            // Unknown settings must be ignored, which is how HTTP/2 is extended (section 5.5).
            default:
                return null;
        }
    }

    private static ProtocolError OutOfRange(ErrorCode code, string name, uint value) =>
        ProtocolError.Connection(code, Section, $"{name} set to {value}");
}
