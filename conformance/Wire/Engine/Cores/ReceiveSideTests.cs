using System.Text;
using CsCheck;
using MiniGrpc.Conformance.Wire.Rfc9113;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>The inbound half alone: octets in, reports out, no thread and no transport.</summary>
public class ReceiveSideTests
{
    private static readonly byte[] s_fourOctets = "abcd"u8.ToArray();

    [Fact]
    public void A_request_is_reported_frame_by_frame()
    {
        var bench = new ReceiveBench(Role.Server);
        bench.Feed([
            .. bench.Request(1, endStream: false, "x=y"),
            .. ReceiveBench.Frames(o => DataFrame.Write(o, 1, s_fourOctets, endStream: false, padLength: 3)),
            .. bench.Headers(1, endStream: true, "t=u")]);
        Assert.Equal(["1: headers :method=POST;:scheme=http;:path=/a/B;x=y;", "1: data abcd +4", "1: trailers t=u;"], bench.Log);
        Assert.Equal(StreamState.HalfClosedRemote, bench.All[1].State.Current);
    }

    [Fact]
    public void A_response_is_reported_and_its_end_closes_the_stream()
    {
        var bench = new ReceiveBench(Role.Client);
        bench.Open(1, endStream: true);
        bench.Feed([
            .. bench.Headers(1, endStream: false, ":status=200"),
            .. ReceiveBench.Frames(o => DataFrame.Write(o, 1, s_fourOctets, endStream: false)),
            .. bench.Headers(1, endStream: true, "grpc-status=0")]);
        Assert.Equal(["1: headers :status=200;", "1: data abcd +0", "1: closed", "1: trailers grpc-status=0;"], bench.Log);
        Assert.Equal(0, bench.Side.Streams.Count);
    }

    /// <summary>A stream that is forgotten may be another call's the next moment: no report may follow.</summary>
    [Fact]
    public void A_stream_is_forgotten_after_its_last_report()
    {
        var bench = new ReceiveBench(Role.Client);
        PlainStream stream = bench.Open(1, endStream: true);
        bench.Feed(bench.Headers(1, endStream: false, ":status=200"));
        Assert.False(stream.IsForgotten);
        bench.Feed(bench.Headers(1, endStream: true, "grpc-status=0"));
        Assert.True(stream.IsForgotten);
        Assert.Equal("1: trailers grpc-status=0;", bench.Log[stream.ReportsBeforeForgotten - 1]);
    }

    /// <summary>RFC 9113 section 8.1: any number of interim responses may come before the final one.</summary>
    [Fact]
    [Requirement("grpc-mapping-4")]
    public void Interim_responses_are_passed_over()
    {
        var bench = new ReceiveBench(Role.Client);
        bench.Open(1);
        bench.Feed([
            .. bench.Headers(1, endStream: false, ":status=100"),
            .. bench.Headers(1, endStream: false, ":status=103", "link=x"),
            .. bench.Headers(1, endStream: false, ":status=200")]);
        Assert.Equal(["1: headers :status=200;"], bench.Log);
    }

    /// <summary>RFC 9113 section 8.1: an interim response can't end the stream.</summary>
    [Fact]
    public void An_interim_response_with_end_of_stream_is_malformed()
    {
        var bench = new ReceiveBench(Role.Client);
        bench.Open(1);
        Assert.Null(bench.Feed(bench.Headers(1, endStream: true, ":status=100")));
        Assert.Equal(["1: stream error ProtocolError 8.1"], bench.Log);
    }

    [Theory]
    [MemberData(nameof(Scripts))]
    public void Octet_by_octet_and_cut_in_two_anywhere_a_connection_reports_the_same(string name)
    {
        (Role role, Func<ReceiveBench, byte[]> write) = s_scripts[name];
        List<string> expected = Run(role, write, (bench, octets) => bench.Feed(octets), out int length);
        Assert.NotEmpty(expected);

        Assert.Equal(expected, Run(role, write, (bench, octets) => bench.FeedInPieces(octets, Enumerable.Range(1, octets.Length)), out _));
        for (int cut = 0; cut < length; cut++)
        {
            Assert.Equal(expected, Run(role, write, (bench, octets) => bench.FeedInPieces(octets, cut), out _));
        }
    }

    public static TheoryData<string> Scripts => [.. s_scripts.Keys];

    /// <summary>An incomplete frame is left alone: it comes again with more behind it.</summary>
    [Fact]
    public void Every_truncation_of_a_frame_consumes_nothing()
    {
        byte[] frame = ReceiveBench.Frames(o => PingFrame.Write(o, isAck: false, 7));
        for (int length = 0; length < frame.Length; length++)
        {
            var bench = new ReceiveBench(Role.Server);
            Assert.Equal(0, bench.Side.Receive(frame.AsSpan(0, length), 0));
            Assert.Empty(bench.Log);
        }
    }

    [Fact]
    public void Nothing_is_taken_after_a_connection_error()
    {
        var bench = new ReceiveBench(Role.Server);
        byte[] bad = ReceiveBench.Frames(o => DataFrame.Write(o, 1, [], endStream: true));
        byte[] ping = ReceiveBench.Frames(o => PingFrame.Write(o, isAck: false, 7));
        FrameBytes.IsConnectionError(bench.Feed([.. bad, .. ping]), ErrorCode.ProtocolError, "5.1");
        Assert.Equal(0, bench.Side.Receive(ping, 0));
        Assert.Empty(bench.Log);
    }

    [Fact]
    public void Octets_for_streams_that_have_ended_are_credited_to_the_connection()
    {
        var bench = new ReceiveBench(Role.Server, new ReceiveLimits(ConnectionWindow: 65_535));
        bench.Feed(bench.Request(1));
        bench.Reset(bench.All[1]);
        bench.Log.Clear();
        for (int i = 0; i < 10_000; i++)
        {
            // A peer that has not heard of the reset yet goes on; what it uses up must come back.
            Assert.Null(bench.Feed(ReceiveBench.Frames(o => DataFrame.Write(o, 1, s_fourOctets, endStream: false, padLength: 91))));
        }

        Assert.All(bench.Log, line => Assert.StartsWith("credit ", line, StringComparison.Ordinal));
        int credited = bench.Log.Sum(line => int.Parse(line.Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture));
        Assert.InRange(credited, 960_000 - (65_535 / 2), 960_000);
    }

    [Fact]
    [Requirement("9113-10.5.1-1")]
    public void A_refused_request_is_decoded_and_the_table_stays_in_step()
    {
        var bench = new ReceiveBench(Role.Server) { Refuses = true };
        bench.Feed(bench.Request(1, endStream: true, "new-entry=of the table"));
        Assert.Equal(["1: stream error RefusedStream 5.1.2"], bench.Log);

        bench.Refuses = false;
        bench.Log.Clear();
        bench.Feed(bench.Request(3, endStream: true, "new-entry=of the table"));
        Assert.Equal(["3: headers :method=POST;:scheme=http;:path=/a/B;new-entry=of the table; END_STREAM"], bench.Log);
    }

    /// <summary>Late HEADERS for a stream that we reset: ignored, but part of the HPACK state (RFC 9113 section 4.3).</summary>
    [Fact]
    [Requirement("9113-10.5.1-1")]
    public void Trailers_that_were_under_way_when_the_stream_was_reset_are_decoded_and_ignored()
    {
        var bench = new ReceiveBench(Role.Server);
        bench.Feed(bench.Request(1));
        bench.Reset(bench.All[1]);
        bench.Log.Clear();
        Assert.Null(bench.Feed(bench.Headers(1, endStream: true, "late=trailer")));
        Assert.Empty(bench.Log);
        bench.Feed(bench.Request(3, endStream: true, "late=trailer"));
        Assert.Equal(["3: headers :method=POST;:scheme=http;:path=/a/B;late=trailer; END_STREAM"], bench.Log);
    }

    [Fact]
    public void A_stream_that_the_other_half_has_closed_makes_room_before_the_next_is_judged()
    {
        var bench = new ReceiveBench(Role.Server, new ReceiveLimits(MaxConcurrentStreams: 1));
        bench.Feed(bench.Request(1));
        bench.Reset(bench.All[1]);
        bench.Feed(bench.Request(3));
        Assert.DoesNotContain("3: stream error RefusedStream 5.1.2", bench.Log);
        Assert.Equal(1, bench.Side.Streams.Count);
    }

    /// <summary>A stream over the limit is refused with the limit's own code (RFC 9113 section 5.1.2).</summary>
    [Fact]
    public void A_stream_over_the_limit_is_refused()
    {
        var bench = new ReceiveBench(Role.Server, new ReceiveLimits(MaxConcurrentStreams: 2));
        bench.Feed([.. bench.Request(1), .. bench.Request(3), .. bench.Request(5)]);
        Assert.Equal("5: stream error RefusedStream 5.1.2", bench.Log[^1]);
        Assert.Equal(2, bench.Side.Streams.Count);
    }

    [Fact]
    public void An_opened_stream_that_was_reset_at_once_passes_through_the_table()
    {
        var bench = new ReceiveBench(Role.Client);
        bench.Reset(bench.Open(1));
        Assert.Null(bench.Feed(bench.Headers(1, endStream: true, ":status=200")));
        Assert.Null(bench.Feed(ReceiveBench.Frames(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel))));
        Assert.Empty(bench.Log);
        Assert.Equal(0, bench.Side.Streams.Count);
    }

    /// <summary>gRPC peers send status messages with spaces at the ends, which RFC 9113 section 8.2.1 forbids.</summary>
    [Fact]
    public void Spaces_at_the_ends_of_a_status_message_alone_are_forgiven()
    {
        var bench = new ReceiveBench(Role.Client);
        bench.Open(1);
        bench.Open(3);
        bench.Feed(bench.Headers(1, endStream: true, ":status=200", "grpc-message= a b "));
        Assert.Contains("1: headers :status=200;grpc-message=a b; END_STREAM", bench.Log);
        bench.Feed(bench.Headers(3, endStream: true, ":status=200", "other= a"));
        Assert.Contains("3: stream error ProtocolError 8.2.1", bench.Log);
    }

    [Fact]
    public void No_octets_make_it_throw()
    {
        Gen<byte[]> frame = Gen.Select(
            Gen.Int[0, 11], Gen.Byte, Gen.Int[0, 5], Gen.Byte.Array[0, 20],
            (type, flags, id, payload) => ReceiveBench.Frames(o =>
            {
                new FrameHeader(payload.Length, (FrameType)type, (FrameFlags)flags, id).Write(o);
                o.Write(payload);
            }));
        Gen.Select(frame.Array[1, 30], Gen.Bool).Sample(
            (frames, isServer) =>
            {
                var bench = new ReceiveBench(isServer ? Role.Server : Role.Client);
                bench.Open(1);
                bench.Feed([.. isServer ? bench.Request(1) : bench.Headers(1, false, ":status=200"), .. frames.SelectMany(f => f)]);
            },
            iter: 2000,
            threads: 1);
    }

    private static readonly Dictionary<string, (Role Role, Func<ReceiveBench, byte[]> Write)> s_scripts = new()
    {
        ["server"] = (Role.Server, bench =>
        [
            .. ReceiveBench.Frames(o => SettingsFrame.Write(o, [(SettingId.InitialWindowSize, 1000), (SettingId.MaxFrameSize, 20_000)])),
            .. ReceiveBench.Frames(SettingsFrame.WriteAck),
            .. bench.Request(1, endStream: false, "k=v"),
            .. ReceiveBench.Frames(o => DataFrame.Write(o, 1, Encoding.ASCII.GetBytes("some octets"), endStream: false, padLength: 9)),
            .. ReceiveBench.Frames(o => PingFrame.Write(o, isAck: false, 99)),
            .. InContinuations(bench, 3, [":method=POST", ":scheme=http", ":path=/long", "k=v"]),
            .. ReceiveBench.Frames(o => WindowUpdateFrame.Write(o, 0, 5)),
            .. ReceiveBench.Frames(o => WindowUpdateFrame.Write(o, 3, 6)),
            .. bench.Headers(5, endStream: true, "not-a=request"),
            .. ReceiveBench.Frames(o => RstStreamFrame.Write(o, 3, ErrorCode.Cancel)),
            .. ReceiveBench.Frames(o => DataFrame.Write(o, 1, [], endStream: true)),
            .. ReceiveBench.Frames(o => GoAwayFrame.Write(o, 0, ErrorCode.NoError, "bye"u8)),
            .. ReceiveBench.Frames(o => new FrameHeader(0, (FrameType)0x77, (FrameFlags)0xff, 9).Write(o)),
            .. ReceiveBench.Frames(o => DataFrame.Write(o, 1, [], endStream: true)),
            .. ReceiveBench.Frames(o => DataFrame.Write(o, 9, [], endStream: true)),
        ]),
        ["client"] = (Role.Client, bench =>
        [
            .. ReceiveBench.Frames(o => SettingsFrame.Write(o, [])),
            .. bench.Headers(1, endStream: false, ":status=100"),
            .. bench.Headers(1, endStream: false, ":status=200", "k=v"),
            .. ReceiveBench.Frames(o => DataFrame.Write(o, 1, Encoding.ASCII.GetBytes("some octets"), endStream: false)),
            .. InContinuations(bench, 1, ["grpc-status=0", "k=v"]),
            .. bench.Headers(3, endStream: true, ":status=200"),
            .. ReceiveBench.Frames(o => RstStreamFrame.Write(o, 5, ErrorCode.RefusedStream)),
            .. ReceiveBench.Frames(o => PushPromiseFrame.Write(o, 1, 2, [], endHeaders: true)),
        ]),
    };

    private static byte[] InContinuations(ReceiveBench bench, int id, string[] fields)
    {
        byte[] block = bench.Block(fields);
        return ReceiveBench.Frames(o =>
        {
            new FrameHeader(1, FrameType.Headers, FrameFlags.EndStream, id).Write(o);
            o.Write(block.AsSpan(0, 1));
            ContinuationFrame.Write(o, id, [], endHeaders: false);
            ContinuationFrame.Write(o, id, block.AsSpan(1), endHeaders: true);
        });
    }

    private static List<string> Run(Role role, Func<ReceiveBench, byte[]> write, Action<ReceiveBench, byte[]> feed, out int length)
    {
        var bench = new ReceiveBench(role, started: false);
        if (role == Role.Client)
        {
            bench.Open(1);
            bench.Open(3);
            bench.Open(5);
        }

        byte[] octets = write(bench);
        length = octets.Length;
        feed(bench, octets);
        bench.Log.Add(bench.Side.Error?.ToString() ?? "no error");
        return bench.Log;
    }
}
