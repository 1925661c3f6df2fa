using System.Text;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A stream without a call: it writes down what it is told.</summary>
internal sealed class PlainStream(List<string>? log = null) : Http2Stream
{
    private readonly List<string> _log = log ?? [];

    /// <summary>How often a waiting writer was woken.</summary>
    public int Wakes { get; private set; }

    /// <summary>Whether the receive loop has done with it.</summary>
    public bool IsForgotten { get; private set; }

    /// <summary>How much there was in the log by then.</summary>
    public int ReportsBeforeForgotten { get; private set; }

    /// <summary>The known block that its last header list or trailers came from; null if they were decoded.</summary>
    public RepeatedBlock? Repeated { get; private set; }

    /// <summary>What <see cref="OnData"/> answers.</summary>
    public ProtocolError? AnswerToData { get; set; }

    /// <summary>A stream that the peer has opened and ended its half of, as a server has it while it answers.</summary>
    public static PlainStream OfServer(int id, StreamState state = StreamState.HalfClosedRemote) =>
        new() { Id = id, State = new AtomicStreamState(state) };

    internal override ProtocolError? OnHeaders(HeaderList fields, bool endStream)
    {
        Repeated = fields.Repeated;
        _log.Add($"{Id}: headers {Text(fields)}{End(endStream)}");
        return null;
    }

    internal override ProtocolError? OnTrailers(HeaderList fields)
    {
        Repeated = fields.Repeated;
        _log.Add($"{Id}: trailers {Text(fields)}");
        return null;
    }

    internal override ProtocolError? OnData(ReadOnlySpan<byte> data, int padding, bool endStream)
    {
        _log.Add($"{Id}: data {Encoding.Latin1.GetString(data)} +{padding}{End(endStream)}");
        return AnswerToData;
    }

    internal override void OnReset(ErrorCode code) => _log.Add($"{Id}: reset {code}");

    internal override void OnStreamError(ProtocolError error) => _log.Add($"{Id}: told of {error.Code}");

    internal override void OnConnectionEnded(string reason) => _log.Add($"{Id}: connection ended");

    internal override void OnSendCapacity() => Wakes++;

    internal override void OnForgotten()
    {
        IsForgotten = true;
        ReportsBeforeForgotten = _log.Count;
    }

    private static string End(bool endStream) => endStream ? " END_STREAM" : "";

    private static string Text(HeaderList fields)
    {
        var text = new StringBuilder();
        foreach (HeaderField field in fields)
        {
            text.Append(Encoding.Latin1.GetString(field.Name)).Append('=').Append(Encoding.Latin1.GetString(field.Value)).Append(';');
        }

        return text.ToString();
    }
}
