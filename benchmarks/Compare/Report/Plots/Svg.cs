using System.Globalization;
using System.Net;
using System.Text;

namespace MiniGrpc.Benchmarks.Compare.Report.Plots;

/// <summary>An SVG document as it grows. Its colours follow the reader's choice of light or dark.</summary>
internal sealed class Svg
{
    private const string Style = """
        text { font: 12px sans-serif; fill: #24292f }
        .title { font-size: 15px; font-weight: bold }
        .grid { stroke: #d0d7de }
        .whisker, .axis { stroke: #24292f }
        .ours { fill: #1f77b4; stroke: #1f77b4 }
        .theirs { fill: #e07b28; stroke: #e07b28 }
        polyline { fill: none !important; stroke-width: 2 }
        @media (prefers-color-scheme: dark) {
          text { fill: #e6edf3 }
          .grid { stroke: #3d444d }
          .whisker, .axis { stroke: #e6edf3 }
          .ours { fill: #58a6ff; stroke: #58a6ff }
          .theirs { fill: #f0984e; stroke: #f0984e }
        }
        """;

    private readonly StringBuilder _text = new();

    public Svg(string title, double width, double height)
    {
        Add($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width:0} {height:0}\" width=\"{width:0}\" height=\"{height:0}\">");
        Add($"<title>{WebUtility.HtmlEncode(title)}</title>");
        Add($"<style>{Style}</style>");
        Text(10, 22, title, "start", "title");
    }

    public void Text(double x, double y, string text, string anchor, string style = "") =>
        Add($"<text x=\"{x:0.#}\" y=\"{y:0.#}\" text-anchor=\"{anchor}\" class=\"{style}\">{WebUtility.HtmlEncode(text)}</text>");

    public void Line(double x1, double y1, double x2, double y2, string style) =>
        Add($"<line x1=\"{x1:0.#}\" y1=\"{y1:0.#}\" x2=\"{x2:0.#}\" y2=\"{y2:0.#}\" class=\"{style}\"/>");

    public void Bar(double x, double y, double width, double height, string style) =>
        Add($"<rect x=\"{x:0.#}\" y=\"{y:0.#}\" width=\"{width:0.#}\" height=\"{height:0.#}\" class=\"{style}\"/>");

    public void Polyline(IEnumerable<(double X, double Y)> points, string style)
    {
        string list = string.Join(' ', points.Select(point => string.Create(CultureInfo.InvariantCulture, $"{point.X:0.#},{point.Y:0.#}")));
        Add($"<polyline points=\"{list}\" class=\"{style}\"/>");
    }

    public override string ToString() => $"{_text}</svg>\n";

    private void Add(FormattableString element) => _text.Append(element.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
