using MiniGrpc.Wire.Http2;
using static MiniGrpc.Wire.Http2.StreamInput;
using static MiniGrpc.Wire.Http2.StreamState;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>
/// RFC 9113 section 5.1: every state meets every input. What is expected is written down a second time, in the way the RFC
/// words it: a paragraph a state, with what may be sent, what may be received, and what everything else is.
/// </summary>
public class Section5_1_StreamStates
{
    private const string Mistake = "local mistake";
    private const string ConnectionProtocolError = "connection PROTOCOL_ERROR";
    private const string ConnectionStreamClosed = "connection STREAM_CLOSED";
    private const string StreamStreamClosed = "stream STREAM_CLOSED";

    public static TheoryData<byte, byte> EveryStateAndInput()
    {
        var data = new TheoryData<byte, byte>();
        foreach (StreamState state in Enum.GetValues<StreamState>())
        {
            foreach (StreamInput input in Enum.GetValues<StreamInput>())
            {
                data.Add((byte)state, (byte)input);
            }
        }

        return data;
    }

    [Theory]
    [MemberData(nameof(EveryStateAndInput))]
    public void Each_state_treats_each_input_as_the_rfc_says(byte state, byte input)
    {
        string expected = Expected((StreamState)state, (StreamInput)input);
        Assert.Equal(expected, Describe(StreamStates.Next((StreamState)state, (StreamInput)input)));

        var atomic = new AtomicStreamState((StreamState)state);
        StreamTransition applied = atomic.Apply((StreamInput)input);
        Assert.Equal(expected, Describe(applied));
        Assert.Equal(applied.IsAllowed ? applied.Next : (StreamState)state, atomic.Current);
        Assert.Equal(state != (byte)Closed && atomic.Current == Closed, applied.BecameClosed);
    }

    [Fact]
    public void The_default_state_is_idle() => Assert.Equal(Idle, default(AtomicStreamState).Current);

    [Fact]
    public void An_error_of_the_connection_names_the_frame_and_the_state_but_ends_no_single_stream()
    {
        ProtocolError error = StreamStates.Next(Idle, ReceiveData).ToError(5);
        FrameBytes.IsConnectionError(error, ErrorCode.ProtocolError, "5.1");
        Assert.Equal("connection error PROTOCOL_ERROR: ReceiveData on stream 5 in state Idle (RFC 9113 section 5.1)", error.ToString());
    }

    [Fact]
    public void An_error_of_a_stream_carries_its_stream() =>
        FrameBytes.IsStreamError(StreamStates.Next(HalfClosedRemote, ReceiveData).ToError(5), 5, ErrorCode.StreamClosed, "5.1");

    [Theory]
    [InlineData(new[] { (int)ReceiveHeadersEndStream, (int)SendHeaders, (int)SendData, (int)SendHeadersEndStream })]
    [InlineData(new[] { (int)ReceiveHeaders, (int)ReceiveData, (int)SendHeaders, (int)ReceiveDataEndStream, (int)SendHeadersEndStream })]
    [InlineData(new[] { (int)ReceiveHeaders, (int)SendHeaders, (int)SendHeadersEndStream, (int)ReceiveDataEndStream })]
    [InlineData(new[] { (int)SendHeaders, (int)SendDataEndStream, (int)ReceiveHeaders, (int)ReceiveData, (int)ReceiveHeadersEndStream })]
    [InlineData(new[] { (int)SendHeaders, (int)SendData, (int)ReceiveHeadersEndStream, (int)SendRstStream })]
    public void A_call_ends_closed_and_exactly_its_last_frame_closes_it(int[] frames)
    {
        var state = default(AtomicStreamState);
        for (int i = 0; i < frames.Length; i++)
        {
            StreamTransition transition = state.Apply((StreamInput)frames[i]);
            Assert.True(transition.IsAllowed);
            Assert.Equal(i == frames.Length - 1, transition.BecameClosed);
        }
    }

    /// <summary>Two threads meet at every stream of a long row, so that many of their transitions collide.</summary>
    [Fact]
    public async Task Of_two_threads_that_end_their_halves_exactly_one_sees_the_stream_close()
    {
        var streams = new AtomicStreamState[5000];
        streams.AsSpan().Fill(new AtomicStreamState(Open));
        int arrived = 0;

        bool[] EndAll(StreamInput input, int delays)
        {
            bool[] closed = new bool[streams.Length];
            var wait = new SpinWait();
            for (int i = 0; i < streams.Length; i++)
            {
                Interlocked.Increment(ref arrived);
                while (Volatile.Read(ref arrived) < 2 * (i + 1))
                {
                    wait.SpinOnce(sleep1Threshold: -1);
                }

                // Who arrives last goes on first, by a little that differs from machine to machine: try many differences.
                wait.Reset();
                for (int delay = i % delays; delay > 0; delay--)
                {
                    Volatile.Read(ref arrived);
                }

                closed[i] = streams[i].Apply(input).BecameClosed;
            }

            return closed;
        }

        Task<bool[]> sender = Task.Run(() => EndAll(SendDataEndStream, delays: 61));
        Task<bool[]> receiver = Task.Run(() => EndAll(ReceiveDataEndStream, delays: 67));
        bool[] bySender = await sender;
        bool[] byReceiver = await receiver;

        for (int i = 0; i < streams.Length; i++)
        {
            Assert.Equal(Closed, streams[i].Current);
            Assert.NotEqual(bySender[i], byReceiver[i]);
        }
    }

    private static string Describe(StreamTransition transition)
    {
        if (transition.IsLocalMistake)
        {
            Assert.False(transition.IsAllowed);
            return Mistake;
        }

        string scope = transition.Scope == ErrorScope.Stream ? "stream" : "connection";
        return transition.IsAllowed ? transition.Next.ToString() : $"{scope} {ErrorCodes.Name(transition.Code)}";
    }

    private static string Expected(StreamState state, StreamInput input)
    {
        if (input == ReceivePriority)
        {
            return state.ToString(); // "can be received in any state", section 6.3
        }

        (Dictionary<StreamInput, StreamState> allowed, string? otherwise) = state switch
        {
            Idle => (new Dictionary<StreamInput, StreamState>
            {
                [SendHeaders] = Open,
                [ReceiveHeaders] = Open,
                [SendHeadersEndStream] = HalfClosedLocal,
                [ReceiveHeadersEndStream] = HalfClosedRemote,
                [SendPushPromise] = ReservedLocal,
                [ReceivePushPromise] = ReservedRemote,
            }, ConnectionProtocolError),

            ReservedLocal => (new Dictionary<StreamInput, StreamState>
            {
                [SendHeaders] = HalfClosedRemote,
                [SendHeadersEndStream] = Closed,
                [SendRstStream] = Closed,
                [ReceiveRstStream] = Closed,
                [ReceiveWindowUpdate] = ReservedLocal,
            }, ConnectionProtocolError),

            ReservedRemote => (new Dictionary<StreamInput, StreamState>
            {
                [ReceiveHeaders] = HalfClosedLocal,
                [ReceiveHeadersEndStream] = Closed,
                [SendRstStream] = Closed,
                [ReceiveRstStream] = Closed,
                [SendWindowUpdate] = ReservedRemote,
            }, ConnectionProtocolError),

            Open => (new Dictionary<StreamInput, StreamState>
            {
                [SendHeaders] = Open,
                [SendData] = Open,
                [SendWindowUpdate] = Open,
                [ReceiveHeaders] = Open,
                [ReceiveData] = Open,
                [ReceiveWindowUpdate] = Open,
                [SendHeadersEndStream] = HalfClosedLocal,
                [SendDataEndStream] = HalfClosedLocal,
                [ReceiveHeadersEndStream] = HalfClosedRemote,
                [ReceiveDataEndStream] = HalfClosedRemote,
                [SendRstStream] = Closed,
                [ReceiveRstStream] = Closed,
            }, ConnectionProtocolError),

            HalfClosedLocal => (new Dictionary<StreamInput, StreamState>
            {
                [SendWindowUpdate] = HalfClosedLocal,
                [SendRstStream] = Closed,
                [ReceiveHeaders] = HalfClosedLocal,
                [ReceiveData] = HalfClosedLocal,
                [ReceiveWindowUpdate] = HalfClosedLocal,
                [ReceiveHeadersEndStream] = Closed,
                [ReceiveDataEndStream] = Closed,
                [ReceiveRstStream] = Closed,
            }, ConnectionProtocolError),

            HalfClosedRemote => (new Dictionary<StreamInput, StreamState>
            {
                [SendHeaders] = HalfClosedRemote,
                [SendData] = HalfClosedRemote,
                [SendWindowUpdate] = HalfClosedRemote,
                [SendHeadersEndStream] = Closed,
                [SendDataEndStream] = Closed,
                [SendRstStream] = Closed,
                [ReceiveWindowUpdate] = HalfClosedRemote,
                [ReceiveRstStream] = Closed,
            }, StreamStreamClosed),

            _ => (new Dictionary<StreamInput, StreamState>
            {
                [ReceiveWindowUpdate] = Closed,
                [ReceiveRstStream] = Closed,
            }, ConnectionStreamClosed),
        };

        return allowed.TryGetValue(input, out StreamState next) ? next.ToString()
            : input < ReceiveHeaders ? Mistake
            : input == ReceivePushPromise ? ConnectionProtocolError
            : otherwise;
    }
}
