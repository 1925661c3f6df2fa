using System.Text.RegularExpressions;

namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Tour: the four kinds of call, and the frames that carry them.</summary>
public class TourTests
{
    [Fact]
    public async Task The_tour_shows_every_chapter_and_its_frames()
    {
        await using SampleProgram tour = SampleProgram.Start("Tour");
        Ended ended = await tour.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);

        // Redirected, the output is plain text that fits 120 columns.
        Assert.DoesNotContain(ended.Lines, line => line.Contains('\e'));
        Assert.DoesNotContain(ended.Lines, line => line.Length > 120);

        Dictionary<string, string> chapters = Chapters(ended.Lines);
        Assert.Equal(11, chapters.Count);
        ContainsAll(
            chapters["1. A connection starts"],
            "→ PREFACE", "→ SETTINGS", "← SETTINGS", "→ SETTINGS ACK", "← SETTINGS ACK", "WINDOW_UPDATE");
        ContainsAll(
            chapters["2. Unary: one request, one reply"],
            ":path: /greeter.Greeter/SayHello", "sends \"Ada\"", "00 00 00 05", "0a 03", "41 64 61", "gets \"Hello Ada\"",
            "48 65 6c 6c 6f 20 41 64 61", "grpc-status: 0", "65,526", "1,048,566");
        ContainsAll(chapters["3. The same call again: what HPACK saves"], "stream 3", "= 8 octets", "= 1 octet ", "2nd call");
        ContainsAll(
            chapters["4. Server streaming: one request, many replies"],
            "field 2, count: 3", "Hello Ada, 1", "Hello Ada, 2", "Hello Ada, 3", "END_STREAM");
        ContainsAll(
            chapters["5. Client streaming: many requests, one reply"],
            "sends \"Barbara\"", "is done sending", "0 octets", "no more from the client", "gets \"Hello Ada,");
        ContainsAll(chapters["6. Bidirectional streaming: both at once"], "sends \"Grace\"", "gets \"Hello Grace\"", "status OK");
        ContainsAll(chapters["7. An error: Trailers-Only"], "grpc-status: 3", "No name %E2%80%93 whom to greet?", "InvalidArgument");
        ContainsAll(chapters["8. A deadline passes"], "grpc-timeout: ", "→ RST_STREAM", "CANCEL", "DeadlineExceeded");
        ContainsAll(
            chapters["9. The server shuts down"],
            "← GOAWAY", "last stream 2,147,483,647", "← PING", "→ PING ACK", "last stream 15", "NO_ERROR", "status OK");
    }

    [Fact]
    public async Task Every_source_file_that_the_tour_names_exists()
    {
        await using SampleProgram tour = SampleProgram.Start("Tour");
        Ended ended = await tour.EndAsync();
        string[] files = [.. ended.Lines.SelectMany(line => Regex.Matches(line, @"src/[\w./]+\.cs")).Select(match => match.Value)];
        Assert.NotEmpty(files);
        Assert.All(files, file => Assert.True(File.Exists(Path.Combine(SampleProgram.SamplesDirectory, "..", file)), file));
    }

    /// <summary>The headings, and the text below each.</summary>
    private static Dictionary<string, string> Chapters(IEnumerable<string> lines)
    {
        var chapters = new Dictionary<string, string>();
        string heading = "";
        foreach (string line in lines)
        {
            if (line.StartsWith('━'))
            {
                heading = line.Trim('━', ' ');
                chapters.Add(heading, "");
            }
            else if (heading.Length > 0)
            {
                chapters[heading] += line + "\n";
            }
        }

        return chapters;
    }

    private static void ContainsAll(string text, params ReadOnlySpan<string> parts)
    {
        foreach (string part in parts)
        {
            Assert.Contains(part, text);
        }
    }
}
