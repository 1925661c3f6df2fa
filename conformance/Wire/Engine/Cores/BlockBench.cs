using MiniGrpc.Wire;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A <see cref="ReceiveSide"/> that is fed field blocks octet by octet as they are, each on a stream of its own.</summary>
internal sealed class BlockBench
{
    /// <summary>:method POST, :scheme http, :path /, from the static table.</summary>
    public static readonly byte[] Request = [0x83, 0x86, 0x84];

    /// <summary>:status 200, from the static table.</summary>
    public static readonly byte[] Response = [0x88];

    private readonly Role _role;
    private readonly ReceiveBench _bench;
    private int _nextId = 1;

    public BlockBench(Role role = Role.Server, int maxHeaderListSize = 16_384)
    {
        _role = role;
        _bench = new ReceiveBench(role, new ReceiveLimits(MaxHeaderListSize: maxHeaderListSize, MaxConcurrentStreams: int.MaxValue)
        {
            Abuse = new AbuseLimits { StreamResets = RateLimit.Unlimited, UselessFrames = RateLimit.Unlimited },
        });
    }

    /// <summary>What was reported.</summary>
    public List<string> Log => _bench.Log;

    /// <summary>The connection error; null while all is well.</summary>
    public ProtocolError? Error => _bench.Side.Error;

    public HpackDecoder Decoder => Internals.DecoderOf(_bench.Side);

    /// <summary>The blocks that are kept, the one used last in front.</summary>
    public List<RepeatedBlock> Known => Internals.KnownBlocksOf(_bench.Side);

    public void Forget() => Internals.ForgetBlocks(_bench.Side);

    /// <summary>Feeds a block as the first one of a stream; answers the known block that its fields were taken from.</summary>
    public RepeatedBlock? Head(params byte[] block)
    {
        int id = Open();
        Feed(id, endStream: false, block);
        return End(id);
    }

    /// <summary>Feeds a block as the last one of a stream.</summary>
    public RepeatedBlock? Trailers(params byte[] block)
    {
        int id = Open();
        Feed(id, endStream: false, _role == Role.Server ? Request : Response);
        Feed(id, endStream: true, block);
        return End(id);
    }

    /// <summary>The last report, without the stream that it is about.</summary>
    public string LastReport() => Log[^1][(Log[^1].IndexOf(':', StringComparison.Ordinal) + 2)..];

    private int Open()
    {
        int id = _nextId;
        _nextId += 2;
        if (_role == Role.Client)
        {
            _bench.Open(id);
        }

        return id;
    }

    private RepeatedBlock? End(int id)
    {
        if (!_bench.All.Remove(id, out PlainStream? stream))
        {
            return null; // the connection had ended before
        }

        _bench.Reset(stream);
        return stream.Repeated;
    }

    private void Feed(int id, bool endStream, byte[] block) => _bench.Feed(ReceiveBench.Frames(o =>
    {
        int offset = HeadersFrame.Begin(o);
        o.Write(block);
        HeadersFrame.End(o, offset, id, endStream, 16_384);
    }));
}
