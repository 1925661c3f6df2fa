using System.Globalization;

using MiniGrpc.Wire;

namespace MiniGrpc.Samples.Tour;

/// <summary>A traced frame, its one-line summary taken apart.</summary>
internal sealed class Frame
{
    public Frame(WireFrame traced)
    {
        Traced = traced;
        foreach (string word in traced.Summary.Split(" |")[0].Split(' ').Skip(1))
        {
            switch (word.Split('='))
            {
                case ["stream", _]:
                    break;
                case ["flags", string flags]:
                    Flags = flags.Split('|');
                    break;
                case ["length", string length]:
                    Length = int.Parse(length, CultureInfo.InvariantCulture);
                    break;
                default:
                    Words.Add(word);
                    break;
            }
        }
    }

    public WireFrame Traced { get; }

    public string Type => Traced.Type;

    public int StreamId => Traced.StreamId;

    public string[] Flags { get; } = [];

    /// <summary>How many octets of message or field block it carries.</summary>
    public int Length { get; }

    /// <summary>What else the summary says: settings, codes, the first octets of DATA.</summary>
    public List<string> Words { get; } = [];

    /// <summary>Whether it answers another frame of its type.</summary>
    public bool IsAck => Flags.Contains("ACK") || Words is ["ACK", ..];

    public bool EndsStream => Flags.Contains("END_STREAM");

    /// <summary>Names and values of a field block, without any encoding.</summary>
    public int PlainLength => Traced.Fields.Sum(pair => pair.Key.Length + pair.Value.Length);

    public static bool IsCall(Frame frame) => frame is { Traced.IsSent: true, Type: "HEADERS" };

    public static bool IsRequest(Frame frame) => frame is { Traced.IsSent: true, Type: "DATA", Length: > 0 };

    public static bool IsHalfClose(Frame frame) => frame is { Traced.IsSent: true, Type: "DATA", EndsStream: true };

    public static bool IsCancellation(Frame frame) => frame is { Traced.IsSent: true, Type: "RST_STREAM" };

    public static bool IsReply(Frame frame) => frame is { Traced.IsSent: false, Type: "DATA" };

    public static bool IsTrailers(Frame frame) => frame is { Traced.IsSent: false, Type: "HEADERS", EndsStream: true };

    public static bool IsSettingsAck(Frame frame) => frame is { Type: "SETTINGS", IsAck: true };

    public static bool IsGoAway(Frame frame) => frame is { Type: "GOAWAY" };
}
