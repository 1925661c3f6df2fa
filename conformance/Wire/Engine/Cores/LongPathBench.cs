using System.Globalization;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// A server's inbound half at the end of a path: its peer sends DATA on a stream that was reset, so that the connection's window alone counts,
/// and answers PINGs, as late as the test says.
/// </summary>
internal sealed class LongPathBench
{
    private readonly ReceiveBench _bench;

    public LongPathBench(AbuseLimits? limits = null)
    {
        _bench = new ReceiveBench(Role.Server, new ReceiveLimits { Abuse = limits ?? new AbuseLimits() });
        _bench.Side.OnSettingsSent(_bench.Now);
        _bench.Feed(_bench.Request(1));
        _bench.Reset(_bench.All[1]);
    }

    public ConnectionReceiveWindow Window => _bench.Side.Window;

    public List<string> Log => _bench.Log;

    /// <summary>The clock, in milliseconds.</summary>
    public long Now => _bench.Now;

    /// <summary>WINDOW_UPDATE frames so far.</summary>
    public int Updates { get; private set; }

    public ProtocolError? Feed(byte[] octets) => _bench.Feed(octets);

    /// <summary>Our SETTINGS are acknowledged.</summary>
    public void Connect(int roundTrip)
    {
        _bench.Now += roundTrip;
        Assert.Null(_bench.Feed(ReceiveBench.Frames(SettingsFrame.WriteAck)));
    }

    /// <summary>Receives three windows at the most, one in <paramref name="aWindowIn"/> milliseconds. False if no PING goes out meanwhile.</summary>
    public bool ReceiveUntilPing(int aWindowIn)
    {
        byte[] frame = ReceiveBench.Frames(o => DataFrame.Write(o, 1, new byte[16_384], endStream: false));
        int quarter = Window.Size / 4;
        string credit = string.Create(CultureInfo.InvariantCulture, $"credit {quarter}");
        for (int i = 0; i < 12; i++)
        {
            Log.Clear();
            _bench.Now += aWindowIn / 4;
            for (int received = 0; received < quarter; received += frame.Length - FrameHeader.Size)
            {
                Assert.Null(_bench.Feed(frame));
            }

            Updates++;
            string line = Assert.Single(Log);
            if (line == credit + " and a PING")
            {
                return true;
            }

            Assert.Equal(credit, line);
        }

        return false;
    }

    /// <summary>Receives for four seconds at the most.</summary>
    public void WaitForPing(int aWindowIn)
    {
        for (long end = Now + 4000; !ReceiveUntilPing(aWindowIn);)
        {
            Assert.True(Now < end, "no PING has gone out");
        }
    }

    /// <summary>The PING that went out is answered.</summary>
    public void Answer(int after)
    {
        Log.Clear();
        _bench.Now += after;
        Assert.Null(_bench.Feed(ReceiveBench.Frames(o => PingFrame.Write(o, isAck: true, PathProbe.OpaqueData))));
    }

    /// <summary>Some PINGs are answered, each <paramref name="after"/> so many milliseconds.</summary>
    public void AnswerInVain(int times, int aWindowIn, int after)
    {
        for (int i = 0; i < times; i++)
        {
            WaitForPing(aWindowIn);
            Answer(after);
        }
    }
}
