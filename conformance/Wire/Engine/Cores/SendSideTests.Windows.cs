using MiniGrpc.Conformance.Wire.Rfc9113;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <content>RFC 9113 section 6.9: what the peer's windows let through.</content>
public partial class SendSideTests
{
    /// <summary>RFC 9113 section 6.9.1: nothing may be sent beyond the window of the stream or of the connection.</summary>
    [Fact]
    public void Data_stops_at_the_window_of_the_stream_and_goes_on_with_an_update()
    {
        var bench = new SendBench(Role.Server, Large, streamWindow: 100);
        PlainStream stream = bench.Accept(1);
        bench.Write(stream, 250, endStream: true);
        Assert.Equal([100], DataLengths(bench.TakeAll()));
        Assert.Null(bench.Side.OnWindowUpdate(stream, 1));
        Assert.Equal([1], DataLengths(bench.TakeAll()));
        Assert.Null(bench.Side.OnWindowUpdate(stream, 1000));
        List<(FrameHeader Header, byte[] Payload)> last = bench.TakeAll();
        Assert.Equal([149], DataLengths(last));
        Assert.Equal(["DATA END"], Kinds(last));
    }

    [Fact]
    public void Data_stops_at_the_window_of_the_connection_and_goes_on_with_an_update()
    {
        var bench = new SendBench(Role.Server, streamWindow: Large);
        PlainStream first = bench.Accept(1);
        PlainStream second = bench.Accept(3);
        bench.Write(first, 65_000);
        bench.Write(second, 1000);
        Assert.Equal(65_535, DataLengths(bench.TakeAll()).Sum());
        Assert.False(bench.Side.HasWork);
        Assert.Null(bench.Side.OnWindowUpdate(null, 400));
        Assert.True(bench.Side.HasWork);
        Assert.Equal(400, DataLengths(bench.TakeAll()).Sum());
        Assert.Null(bench.Side.OnWindowUpdate(null, 400));
        Assert.Equal(65, DataLengths(bench.TakeAll()).Sum());
    }

    /// <summary>RFC 9113 section 5.2.1: a stream whose window is used up is passed over, and the next one has its turn.</summary>
    [Fact]
    public void A_stream_without_window_holds_up_no_other()
    {
        var bench = new SendBench(Role.Server, Large, streamWindow: SendSide.Quantum);
        PlainStream stalled = bench.Accept(1);
        PlainStream other = bench.Accept(3);
        Assert.Null(bench.Side.OnWindowUpdate(other, 1000));
        bench.Take();
        bench.Write(stalled, SendSide.Quantum + 1000);
        bench.Write(other, SendSide.Quantum + 1000);
        Assert.Equal([(1, SendSide.Quantum), (3, SendSide.Quantum), (3, 1000)], bench.Take().Select(frame => (frame.Header.StreamId, frame.Payload.Length)));
        Assert.False(bench.Side.HasWork); // and does not ask for a turn again and again
    }

    /// <summary>RFC 9113 section 6.9.2: a window that a change of SETTINGS made negative is waited out.</summary>
    [Fact]
    [Requirement("9113-6.9.2-2")]
    [Requirement("9113-6.9.2-3")]
    public void A_negative_window_sends_nothing_until_it_is_positive_again()
    {
        var bench = new SendBench(Role.Server, Large);
        PlainStream stream = bench.Accept(1);
        bench.Write(stream, 65_535 + 10);
        bench.TakeAll();
        int delta = bench.Settings((SettingId.InitialWindowSize, 1000));
        Assert.Equal(1000 - 65_535, delta);
        Assert.Null(bench.Side.AdjustWindow(stream, delta));
        Assert.Equal(1000 - 65_535, stream.SendWindow.Available);
        Assert.Null(bench.Side.OnWindowUpdate(stream, 65_535 - 1000));
        Assert.Empty(DataLengths(bench.TakeAll()));
        Assert.Null(bench.Side.OnWindowUpdate(stream, 1));
        Assert.Equal([1], DataLengths(bench.TakeAll()));
        Assert.Null(bench.Side.AdjustWindow(stream, bench.Settings((SettingId.InitialWindowSize, 1009))));
        Assert.Equal([9], DataLengths(bench.TakeAll()));
    }

    /// <summary>RFC 9113 section 6.9.2: the new size holds for streams opened from then on.</summary>
    [Fact]
    public void A_new_initial_size_is_the_window_of_streams_to_come()
    {
        var client = new SendBench(Role.Client);
        client.Settings((SettingId.InitialWindowSize, 7));
        Assert.Equal(7, client.Open().SendWindow.Available);
        var server = new SendBench(Role.Server);
        server.Settings((SettingId.InitialWindowSize, 0));
        Assert.Equal(0, server.Accept(1).SendWindow.Available);
    }

    /// <summary>RFC 9113 sections 6.9.1 and 6.9.2: a window past 2^31-1 is an error of stream or connection.</summary>
    [Fact]
    public void A_window_past_its_limit_is_a_flow_control_error()
    {
        var bench = new SendBench(Role.Server);
        PlainStream stream = bench.Accept(1);
        FrameBytes.IsStreamError(bench.Side.OnWindowUpdate(stream, int.MaxValue), 1, ErrorCode.FlowControlError, "6.9.1");
        FrameBytes.IsConnectionError(bench.Side.OnWindowUpdate(null, int.MaxValue), ErrorCode.FlowControlError, "6.9.1");
        Assert.Null(bench.Side.OnWindowUpdate(stream, 1));
        FrameBytes.IsConnectionError(
            bench.Side.AdjustWindow(stream, bench.Settings((SettingId.InitialWindowSize, int.MaxValue))), ErrorCode.FlowControlError, "6.9.2");
    }
}
