using System.Runtime.CompilerServices;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <content>RFC 9113 sections 5.1.1 and 5.1.2: which streams are opened, and what a connection that ends still takes.</content>
public partial class SendSideTests
{
    /// <summary>RFC 9113 section 5.1.1: identifiers of a client are odd and rise.</summary>
    [Fact]
    public void Streams_are_opened_with_rising_odd_identifiers_and_handed_over()
    {
        var bench = new SendBench(Role.Client);
        Assert.Equal(0, bench.Side.LastOpenedId);
        PlainStream first = bench.Open();
        PlainStream second = bench.Open();
        Assert.Equal((1, 3, 3), (first.Id, second.Id, bench.Side.LastOpenedId));
        Assert.Equal([1, 3], bench.Take().Select(frame => frame.Header.StreamId));
        Assert.Same(second, bench.Side.TakeOpened());
        Assert.Same(first, second.NextOpened);
        Assert.Null(bench.Side.TakeOpened());
    }

    /// <summary>RFC 9113 section 5.1.2: a client opens no more streams than the server allows.</summary>
    [Fact]
    public void At_the_limit_no_stream_is_opened_until_one_ends()
    {
        var bench = new SendBench(Role.Client);
        bench.Settings((SettingId.MaxConcurrentStreams, 1));
        PlainStream stream = bench.Open();
        bench.Side.TakeMayOpen();
        Assert.Equal(OpenResult.AtLimit, bench.Side.TryOpen(new PlainStream(), null, null, endStream: false));
        Assert.False(bench.Side.TakeMayOpen());
        bench.Side.Reset(stream, ErrorCode.Cancel);
        Assert.True(bench.Side.TakeMayOpen());
        Assert.False(bench.Side.TakeMayOpen());
        Assert.Equal(3, bench.Open().Id);
        bench.Settings((SettingId.MaxConcurrentStreams, 2));
        Assert.True(bench.Side.TakeMayOpen());
        Assert.Equal(5, bench.Open().Id);
    }

    /// <summary>RFC 9113 section 5.1.1: identifiers can't be reused; a connection that has used them up is left.</summary>
    [Fact]
    public void A_connection_whose_identifiers_are_used_up_opens_no_more()
    {
        var bench = new SendBench(Role.Client);
        NextStreamId(bench.Side) = int.MaxValue;
        Assert.Equal(int.MaxValue, bench.Open().Id);
        Assert.Equal(OpenResult.GoingAway, bench.Side.TryOpen(new PlainStream(), null, null, endStream: false));
    }

    [Fact]
    public void A_connection_that_goes_away_opens_no_more_and_finishes_what_is_open()
    {
        var bench = new SendBench(Role.Client);
        PlainStream stream = bench.Open();
        bench.Side.IsGoingAway = true;
        Assert.Equal(OpenResult.GoingAway, bench.Side.TryOpen(new PlainStream(), null, null, endStream: false));
        Assert.Equal(SendResult.Accepted, bench.Write(stream, 10, endStream: true));
    }

    [Fact]
    public void A_closed_connection_accepts_nothing()
    {
        var bench = new SendBench(Role.Client, streamWindow: 10);
        PlainStream stream = bench.Open();
        bench.Write(stream, 100);
        bench.Take();
        bench.Side.Close();
        Assert.Equal(OpenResult.GoingAway, bench.Side.TryOpen(new PlainStream(), null, null, endStream: false));
        Assert.Equal(SendResult.Closed, bench.Side.WriteHeaders(stream, null, null, endStream: true));
        Assert.Equal(SendResult.Closed, bench.Write(stream, 1));
        Assert.Equal(SendResult.Closed, bench.Side.EndStream(stream));
        Assert.Equal(SendResult.Closed, bench.Side.WriteTrailers(stream, null, null));
        Assert.False(bench.Side.Reset(stream, ErrorCode.Cancel));
        bench.Side.WritePing(0);
        bench.Side.WriteWindowUpdate(0, 1);
        bench.Side.WriteReset(1, ErrorCode.Cancel);
        bench.Side.WriteGoAway(0, ErrorCode.NoError, []);
        Assert.Empty(bench.Take());
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_nextStreamId")]
    private static extern ref int NextStreamId(SendSide side);
}
