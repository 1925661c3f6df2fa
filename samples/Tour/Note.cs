namespace MiniGrpc.Samples.Tour;

/// <summary>Something that the program did or learned, and the kind of frame that it belongs beside.</summary>
internal sealed record Note(Func<Frame, bool> Frame, string Text)
{
    /// <summary>Puts each note beside the first frame of its kind that has none; beside the last one when none is free.</summary>
    public static Dictionary<Frame, string> Place(IEnumerable<Note> notes, IReadOnlyList<Frame> frames)
    {
        var placed = new Dictionary<Frame, string>();
        foreach (Note note in notes)
        {
            if (frames.FirstOrDefault(frame => note.Frame(frame) && !placed.ContainsKey(frame)) is { } free)
            {
                placed[free] = note.Text;
            }
            else if (frames.LastOrDefault(note.Frame) is { } last)
            {
                placed[last] += "\n" + note.Text;
            }
        }

        return placed;
    }
}
