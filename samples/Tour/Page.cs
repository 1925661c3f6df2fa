using System.Globalization;
using System.Text;

using Spectre.Console;

namespace MiniGrpc.Samples.Tour;

/// <summary>
/// The tour on the screen: headings, paragraphs, and tables with the program on the left and the wire beside it. Colours only
/// on a terminal; a file or pipe gets plain text of 120 columns.
/// </summary>
internal sealed class Page
{
    private const int Width = 120;
    private const int TextWidth = 104;
    private const int SaysWidth = 39;

    private static readonly Style s_faint = new(decoration: Decoration.Dim);
    private static readonly Style s_sent = new(Color.Green);
    private static readonly Style s_received = new(Color.Aqua);

    private readonly IAnsiConsole _console;
    private readonly FrameExplainer _explainer = new();
    private int _chapters;

    public Page()
    {
        Console.OutputEncoding = Encoding.UTF8;
        bool terminal = !Console.IsOutputRedirected;
        _console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Ansi = terminal ? AnsiSupport.Detect : AnsiSupport.No,
            Interactive = InteractionSupport.No,
            Enrichment = new ProfileEnrichment { UseDefaultEnrichers = false },
        });
        IsTooNarrow = terminal && _console.Profile.Width < Width;
        _console.Profile.Width = Width;
    }

    /// <summary>Whether the terminal has fewer columns than the tables.</summary>
    public bool IsTooNarrow { get; }

    public void Title(string title, params ReadOnlySpan<string> paragraphs)
    {
        Rule(title);
        Paragraphs(paragraphs);
    }

    /// <summary>A chapter: what to look at. The code and the document to read stand below its heading.</summary>
    public void Chapter(string title, string source, params ReadOnlySpan<string> paragraphs)
    {
        Rule($"{++_chapters}. {title}");
        _console.Write(new Text(source + Environment.NewLine, s_faint));
        Paragraphs(paragraphs);
    }

    private void Paragraphs(ReadOnlySpan<string> paragraphs)
    {
        foreach (string paragraph in paragraphs)
        {
            _console.WriteLine();
            _console.Write(new Padder(new Text(paragraph), new Padding(0, 0, Width - TextWidth, 0)));
        }
    }

    /// <summary>
    /// Frames in the order in which they crossed the wire, and beside them what the program did. Fields that were shown before
    /// are only counted, unless <paramref name="fold"/> is off.
    /// </summary>
    public void Frames(IReadOnlyList<Frame> frames, IEnumerable<Note> notes, bool fold = true)
    {
        Dictionary<Frame, string> beside = Note.Place(notes, frames);
        Table table = new Table { Border = TableBorder.Simple, BorderStyle = s_faint }
            .AddColumn(new TableColumn("\nThe program").Width(18).PadLeft(0))
            .AddColumn(new TableColumn("\nThe frame").Width(15))
            .AddColumn(new TableColumn("\nWhat it says").Width(66))
            .AddColumn(new TableColumn("Window\nleft").Width(9).RightAligned());
        foreach (Frame frame in frames)
        {
            if (table.Rows.Count > 0)
            {
                table.AddEmptyRow();
            }

            table.AddRow(new Text(beside.GetValueOrDefault(frame, "")), Name(frame), Contents(frame, fold), Windows(frame));
        }

        _console.Write(table);
    }

    /// <summary>Numbers of octets as bars below each other.</summary>
    public void Bars(string title, IReadOnlyList<(string Name, int Octets)> bars)
    {
        int longest = bars.Max(bar => bar.Octets);
        _console.WriteLine();
        _console.WriteLine(title);
        foreach ((string name, int octets) in bars)
        {
            int length = Math.Max(1, octets * 60 / longest);
            _console.Write(new Text($"  {name,-22}"));
            _console.Write(new Text(new string('█', length), s_sent));
            _console.WriteLine(string.Create(CultureInfo.InvariantCulture, $" {octets}"));
        }
    }

    private void Rule(string title)
    {
        _console.WriteLine();
        _console.Write(new Rule($"[bold]{Markup.Escape(title)}[/]") { Justification = Justify.Left, Border = BoxBorder.Heavy });
    }

    private static Paragraph Name(Frame frame)
    {
        string arrow = frame.Traced.IsSent ? "→" : "←";
        string place = frame.StreamId == 0 ? "connection" : $"stream {frame.StreamId}";
        Paragraph cell = new Paragraph()
            .Append($"{arrow} {frame.Type}{(frame.IsAck ? " ACK" : "")}\n", frame.Traced.IsSent ? s_sent : s_received)
            .Append($"  {place}", s_faint);
        return frame.Type == "DATA" ? cell.Append($"\n  {frame.Length} octets", s_faint) : cell;
    }

    /// <summary>Two columns in one: what the octets say, and their meaning.</summary>
    private Paragraph Contents(Frame frame, bool fold)
    {
        var cell = new Paragraph();
        string between = "";
        foreach ((string says, string meaning) in _explainer.Explain(frame, fold))
        {
            bool fits = says.Length < SaysWidth;
            cell.Append(between + says);
            if (meaning.Length > 0)
            {
                cell.Append((fits ? "" : "\n") + new string(' ', fits ? SaysWidth - says.Length : SaysWidth));
                cell.Append(meaning, s_faint);
            }

            between = "\n";
        }

        return cell;
    }

    private static Text Windows(Frame frame) => frame.Traced is { StreamWindow: long stream, ConnectionWindow: long connection }
        ? new Text(string.Create(CultureInfo.InvariantCulture, $"{stream:N0}\n{connection:N0}"))
        : new Text("");
}
