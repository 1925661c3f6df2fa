using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

/// <summary>
/// RFC 9113 section 5.1: every type of frame meets every state of a stream, on a real server and on a real client. The tables say
/// what has to come of it, to be read next to figure 2 and its list of states.
/// <code>
/// P6.1   connection error PROTOCOL_ERROR, for the rule of section 6.1
/// C5.1   connection error STREAM_CLOSED
/// p, c   the same codes as errors of the stream: the connection goes on
/// -      no answer: ignored, or taken without a need for one; the connection goes on
/// ack    acknowledged, or answered
/// call   the call is answered, or has its answer
/// leave  the connection ends in good order
/// </code>
/// </summary>
/// <remarks>
/// Two states are missing because ours are never in them: a server that ends its half first resets the stream at once (answered),
/// a client does the same when the server ends first; and no stream is ever reserved.
/// </remarks>
public class Section5_1_StreamStateMatrix
{
    private const string Server = """
        frame          Zero   Idle   Even   Skipped Open  HalfClosedRemote Ended  ResetByPeer ResetByUs Answered Refused
        DATA           P6.1   P5.1   P5.1   C5.1    -     c5.1             C5.1   C5.1        -         -        -
        DATA|END       P6.1   P5.1   P5.1   C5.1    call  c5.1             C5.1   C5.1        -         -        -
        HEADERS        P6.2   -      P5.1   P5.1.1  p8.1  c5.1             C5.1   C5.1        -         -        -
        HEADERS|END    P6.2   call   P5.1   P5.1.1  p8.1  c5.1             C5.1   C5.1        -         -        -
        trailers|END   P6.2   p8.3   P5.1   P5.1.1  call  c5.1             C5.1   C5.1        -         -        -
        PRIORITY       P6.3   -      -      -       -     -                -      -           -         -        -
        RST_STREAM     P6.4   P5.1   P5.1   -       -     -                -      -           -         -        -
        SETTINGS       ack    P6.5   P6.5   P6.5    P6.5  P6.5             P6.5   P6.5        P6.5      P6.5     P6.5
        PUSH_PROMISE   P8.4   P8.4   P8.4   P8.4    P8.4  P8.4             P8.4   P8.4        P8.4      P8.4     P8.4
        PING           ack    P6.7   P6.7   P6.7    P6.7  P6.7             P6.7   P6.7        P6.7      P6.7     P6.7
        GOAWAY         -      P6.8   P6.8   P6.8    P6.8  P6.8             P6.8   P6.8        P6.8      P6.8     P6.8
        WINDOW_UPDATE  -      P5.1   P5.1   -       -     -                -      -           -         -        -
        CONTINUATION   P6.10  P6.10  P6.10  P6.10   P6.10 P6.10            P6.10  P6.10       P6.10     P6.10    P6.10
        unknown        -      -      -      -       -     -                -      -           -         -        -
        """;

    private const string Client = """
        frame          Zero   Idle   Even   Open   HalfClosedLocal Responding Ended  ResetByPeer ResetByUs
        DATA           P6.1   P5.1   P5.1   p8.1   p8.1            -          C5.1   C5.1        -
        DATA|END       P6.1   P5.1   P5.1   p8.1   p8.1            call       C5.1   C5.1        -
        HEADERS        P6.2   P5.1   P5.1   -      -               p8.1       C5.1   C5.1        -
        HEADERS|END    P6.2   P5.1   P5.1   call   call            p8.1       C5.1   C5.1        -
        trailers|END   P6.2   P5.1   P5.1   p8.3   p8.3            call       C5.1   C5.1        -
        PRIORITY       P6.3   -      -      -      -               -          -      -           -
        RST_STREAM     P6.4   P5.1   P5.1   call   call            call       -      -           -
        SETTINGS       ack    P6.5   P6.5   P6.5   P6.5            P6.5       P6.5   P6.5        P6.5
        PUSH_PROMISE   P8.4   P8.4   P8.4   P8.4   P8.4            P8.4       P8.4   P8.4        P8.4
        PING           ack    P6.7   P6.7   P6.7   P6.7            P6.7       P6.7   P6.7        P6.7
        GOAWAY         leave  P6.8   P6.8   P6.8   P6.8            P6.8       P6.8   P6.8        P6.8
        WINDOW_UPDATE  -      P5.1   P5.1   -      -               -          -      -           -
        CONTINUATION   P6.10  P6.10  P6.10  P6.10  P6.10           P6.10      P6.10  P6.10       P6.10
        unknown        -      -      -      -      -               -          -      -           -
        """;

    public static TheoryData<string, StateName, string> OnTheServer { get; } = Cells(Server);

    public static TheoryData<string, StateName, string> OnTheClient { get; } = Cells(Client);

    [Theory]
    [MemberData(nameof(OnTheServer))]
    [Requirement("9113-4.1-2")]
    [Requirement("9113-5.1-1")]
    [Requirement("9113-5.1-2")]
    [Requirement("9113-5.1-7")]
    [Requirement("9113-5.1-9")]
    [Requirement("9113-5.1-11")]
    [Requirement("9113-5.1.1-4")]
    [Requirement("9113-5.4.1-1")]
    [Requirement("9113-5.4.1-2")]
    [Requirement("9113-5.4.2-1")]
    [Requirement("9113-5.4.2-3")]
    [Requirement("9113-5.5-2")]
    [Requirement("9113-6.1-3")]
    [Requirement("9113-6.1-4")]
    [Requirement("9113-6.2-5")]
    [Requirement("9113-6.3-1")]
    [Requirement("9113-6.4-2")]
    [Requirement("9113-6.4-4")]
    [Requirement("9113-6.4-6")]
    [Requirement("9113-6.5-6")]
    [Requirement("9113-6.6-6")]
    [Requirement("9113-6.7-6")]
    [Requirement("9113-6.8-4")]
    [Requirement("9113-6.9-4")]
    [Requirement("9113-6.10-4")]
    [Requirement("9113-6.10-6")]
    public Task A_server_answers_every_frame_in_every_state(string frame, StateName state, string outcome) =>
        RunAsync(EndName.Server, frame, state, outcome);

    [Theory]
    [MemberData(nameof(OnTheClient))]
    [Requirement("9113-4.1-2")]
    [Requirement("9113-5.1-1")]
    [Requirement("9113-5.1-2")]
    [Requirement("9113-5.1-9")]
    [Requirement("9113-5.1-11")]
    [Requirement("9113-5.1.1-4")]
    [Requirement("9113-5.4.1-1")]
    [Requirement("9113-5.4.1-2")]
    [Requirement("9113-5.4.2-1")]
    [Requirement("9113-5.4.2-3")]
    [Requirement("9113-5.5-2")]
    [Requirement("9113-6.1-3")]
    [Requirement("9113-6.2-5")]
    [Requirement("9113-6.3-1")]
    [Requirement("9113-6.4-2")]
    [Requirement("9113-6.4-4")]
    [Requirement("9113-6.4-6")]
    [Requirement("9113-6.5-6")]
    [Requirement("9113-6.5.2-2")]
    [Requirement("9113-6.6-6")]
    [Requirement("9113-6.6-8")]
    [Requirement("9113-6.6-12")]
    [Requirement("9113-6.7-6")]
    [Requirement("9113-6.8-4")]
    [Requirement("9113-6.9-4")]
    [Requirement("9113-6.10-4")]
    [Requirement("9113-6.10-6")]
    public Task A_client_answers_every_frame_in_every_state(string frame, StateName state, string outcome) =>
        RunAsync(EndName.Client, frame, state, outcome);

    private static TheoryData<string, StateName, string> Cells(string table)
    {
        string[][] rows = [.. table.Split('\n').Select(row => row.Split(' ', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))];
        var cells = new TheoryData<string, StateName, string>();
        foreach (string[] row in rows[1..])
        {
            Assert.Equal(rows[0].Length, row.Length);
            for (int column = 1; column < row.Length; column++)
            {
                cells.Add(row[0], Enum.Parse<StateName>(rows[0][column]), row[column]);
            }
        }

        return cells;
    }

    private static async Task RunAsync(EndName end, string frame, StateName state, string outcome)
    {
        await using Subject subject = await Subject.StartAsync(end);
        int id = await subject.BringAsync(state);
        await subject.Peer.SendAsync(o => Write(o, subject, frame, id));
        subject.OnSent(frame, id);
        switch (outcome[0])
        {
            case 'P':
                await subject.AssertConnectionErrorAsync(ErrorCode.ProtocolError, outcome[1..]);
                break;
            case 'C':
                await subject.AssertConnectionErrorAsync(ErrorCode.StreamClosed, outcome[1..]);
                break;
            case 'p':
                await subject.AssertStreamErrorAsync(id, ErrorCode.ProtocolError);
                break;
            case 'c' when outcome != "call":
                await subject.AssertStreamErrorAsync(id, ErrorCode.StreamClosed);
                break;
            case 'a':
                await subject.Peer.ExpectAsync(frame == "PING" ? FrameType.Ping : FrameType.Settings, 0, FrameFlags.Ack);
                await subject.AssertWorksAsync();
                break;
            case 'c':
                await subject.AssertAnsweredAsync(id);
                await subject.AssertWorksAsync();
                break;
            case 'l':
                await subject.Peer.ExpectEndAsync();
                await subject.AssertLostAsync();
                break;
            default:
                await subject.Peer.AssertNothingOnAsync(id);
                await AssertCallAsync(subject, frame, state, id);
                await subject.AssertWorksAsync();
                break;
        }
    }

    /// <summary>A reset ends the call of an open stream, though nothing is sent; everything else that has no answer leaves it alone.</summary>
    private static async Task AssertCallAsync(Subject subject, string frame, StateName state, int id)
    {
        if (state is not (StateName.Open or StateName.HalfClosedRemote or StateName.HalfClosedLocal or StateName.Responding))
        {
            return;
        }

        if (frame == "RST_STREAM")
        {
            await subject.AssertCallEndsAsync(id);
        }
        else
        {
            subject.AssertCallGoesOn();
        }
    }

    private static void Write(OutputBuffer output, Subject subject, string frame, int id)
    {
        FrameFlags end = frame.EndsWith("|END", StringComparison.Ordinal) ? FrameFlags.EndStream : FrameFlags.None;
        (FrameType type, byte[] payload) = frame.Split('|')[0] switch
        {
            "DATA" => (FrameType.Data, RawClient.Message(1)),
            "HEADERS" => (FrameType.Headers, subject.Peer.Block(subject.HeaderFields)),
            "trailers" => (FrameType.Headers, subject.Peer.Block(subject.TrailerFields)),
            "PRIORITY" => (FrameType.Priority, new byte[5]),
            "RST_STREAM" => (FrameType.RstStream, [0, 0, 0, 8]),
            "SETTINGS" => (FrameType.Settings, [0, 3, 0, 0, 0, 100]),
            "PUSH_PROMISE" => (FrameType.PushPromise, [0, 0, 0, 4]),
            "PING" => (FrameType.Ping, new byte[8]),
            "GOAWAY" => (FrameType.GoAway, [0x7f, 255, 255, 255, 0, 0, 0, 0]),
            "WINDOW_UPDATE" => (FrameType.WindowUpdate, [0, 0, 0, 1]),
            "CONTINUATION" => (FrameType.Continuation, [0x88]),
            _ => ((FrameType)0x7e, [1, 2, 3]),
        };
        FrameFlags flags = type is FrameType.Headers or FrameType.PushPromise or FrameType.Continuation ? end | FrameFlags.EndHeaders : end;
        new FrameHeader(payload.Length, type, flags, id).Write(output);
        output.Write(payload);
    }
}
