using System.Globalization;

using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;

namespace MiniGrpc.Samples.Tour;

/// <summary>What a frame's payload says, line by line, each with its meaning beside it.</summary>
internal sealed class FrameExplainer
{
    /// <summary>So many fields that came before are told in one line; fewer are shown again.</summary>
    private const int FoldedFields = 3;

    private readonly Glossary _glossary = new();
    private readonly HashSet<KeyValuePair<string, string>> _shownFields = [];
    private int _goAways;

    /// <summary>The lines. <paramref name="fold"/>: fields that an earlier table showed are only counted.</summary>
    public IEnumerable<(string Says, string Meaning)> Explain(Frame frame, bool fold)
    {
        IEnumerable<(string, string)> lines = frame.Type switch
        {
            "PREFACE" => [("PRI * HTTP/2.0", "24 octets: this is HTTP/2")],
            "SETTINGS" => frame.IsAck ? [("", "yours are in force")] : frame.Words.Select(ExplainSetting),
            "WINDOW_UPDATE" => ExplainCredit(frame),
            "HEADERS" => ExplainFields(frame, fold),
            "DATA" => ExplainMessages(frame),
            "RST_STREAM" => [(frame.Words[0], "both: forget this stream")],
            "PING" => [(frame.Words[^1], frame.IsAck ? "the same octets back" : "any eight octets")],
            "GOAWAY" => ExplainGoAway(frame),
            _ => [],
        };
        return lines.Concat(ExplainFlags(frame));
    }

    private IEnumerable<(string, string)> ExplainFlags(Frame frame)
    {
        if (frame.Type is "HEADERS" or "DATA" && frame.Flags.Length > 0)
        {
            string who = frame.Traced.IsSent ? "client" : "server";
            yield return (string.Join(" ", frame.Flags), frame.EndsStream ? $"no more from the {who}" : _glossary.Tell(frame.Flags[0]));
        }
    }

    private (string, string) ExplainSetting(string setting) => setting.Split('=') is [string name, string value]
        ? ($"{name} {Number(value)}", _glossary.Tell(name))
        : (setting, "");

    /// <summary>A connection's window starts at 65,535 octets and has no setting of its own (RFC 9113 section 6.9.2).</summary>
    private static IEnumerable<(string, string)> ExplainCredit(Frame frame)
    {
        string increment = frame.Words[0].Split('=')[1];
        yield return ($"increment {Number(increment)}", frame.StreamId == 0 ? "more for all streams" : "more");
        if (frame.StreamId == 0)
        {
            yield return ("", $"together, now {Number(65_535 + long.Parse(increment, CultureInfo.InvariantCulture))}");
        }
    }

    private IEnumerable<(string, string)> ExplainFields(Frame frame, bool fold)
    {
        int known = frame.Traced.Fields.Count(_shownFields.Contains);
        bool folds = fold && known >= FoldedFields;
        foreach (KeyValuePair<string, string> pair in frame.Traced.Fields)
        {
            if (_shownFields.Add(pair) || !folds)
            {
                yield return ($"{pair.Key}: {pair.Value}", MeaningOf(pair.Key, pair.Value));
            }
        }

        if (folds)
        {
            yield return ($"… and {known} fields as before", "");
        }

        yield return ($"= {Octets(frame.Length)}", $"{frame.PlainLength} before HPACK");
    }

    private string MeaningOf(string name, string value) => name == "grpc-status" && value != "0"
        ? ((StatusCode)int.Parse(value, CultureInfo.InvariantCulture)).ToString()
        : _glossary.Tell(name);

    private static IEnumerable<(string, string)> ExplainMessages(Frame frame)
    {
        byte[] octets = Convert.FromHexString(string.Concat(frame.Words.Where(word => word.Length == 2)));
        return MessageOctets.Explain(octets, frame.Traced.IsSent ? HelloRequest.Descriptor : HelloReply.Descriptor);
    }

    private IEnumerable<(string, string)> ExplainGoAway(Frame frame)
    {
        string last = frame.Words[0].Split('=')[1];
        yield return ($"last stream {Number(last)}", _goAways++ == 0 ? "the highest there can be" : "none above it was served");
        yield return (frame.Words[1], "nothing is wrong");
    }

    private static string Octets(int count) => count == 1 ? "1 octet" : $"{count} octets";

    private static string Number(string digits) => Number(long.Parse(digits, CultureInfo.InvariantCulture));

    private static string Number(long number) => number.ToString("N0", CultureInfo.InvariantCulture);
}
