using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>
/// The inbound half of a connection, fed with frames in one piece and cut anywhere (RFC 9113 sections 4 to 8). An input is
/// an octet for the role and the limits, then frames.
/// </summary>
internal sealed class ReceiveTarget : PureTarget
{
    /// <inheritdoc />
    public override string Name => "receive";

    /// <inheritdoc />
    public override string About => "Frames in any order to the inbound half: the same reports however they are cut, known blocks or not, in an order that makes sense.";

    /// <inheritdoc />
    public override int MaxLength => 16 * 1024;

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds()
    {
        for (byte configuration = 0; configuration < ReceiveBench.Configurations; configuration++)
        {
            yield return [configuration, .. Session(configuration)];
            yield return [configuration, .. Repetition(configuration)];
        }
    }

    /// <inheritdoc />
    public override byte[] Mutate(byte[] input, byte[] other, Random random)
    {
        if (input.Length == 0)
        {
            return [0];
        }

        byte configuration = random.Next(30) == 0 ? (byte)random.Next(ReceiveBench.Configurations) : input[0];
        return [configuration, .. FrameMutator.Mutate(input.AsSpan(1), other.AsSpan(int.Min(1, other.Length)), random)];
    }

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        if (input.Length == 0)
        {
            return;
        }

        byte[] octets = input[1..];
        var whole = new ReceiveBench(input[0], features);
        whole.Feed(octets, [octets.Length]);
        if (!ReceiveBench.WindowMatters(input[0]))
        {
            // The connection's credit is given back after each piece, so more may come in when there are many of them. A frame seldom
            // comes in one piece with the next, so nearly each block is decoded here, those that are known to the other end as well.
            var pieces = new ReceiveBench(input[0], null, forgets: true);
            pieces.Feed(octets, Cuts(octets.Length));
            RequireSame(whole.Log, pieces.Log);
        }
    }

    private static void RequireSame(List<string> whole, List<string> pieces)
    {
        for (int i = 0; i < int.Max(whole.Count, pieces.Count); i++)
        {
            FuzzException.RequireEqual(whole.ElementAtOrDefault(i), pieces.ElementAtOrDefault(i), $"report {i} of the same octets, cut otherwise");
        }
    }

    private static IEnumerable<int> Cuts(int length)
    {
        var random = new Random(length);
        for (int at = 0; at < length;)
        {
            at = int.Min(length, at + 1 + random.Next(30));
            yield return at;
        }
    }

    /// <summary>A little of everything.</summary>
    private static byte[] Session(byte configuration)
    {
        bool toServer = ReceiveBench.RoleOf(configuration) == Role.Server;
        var hpack = new HpackEncoder();
        var output = new OutputBuffer();
        SettingsFrame.Write(output, [(SettingId.InitialWindowSize, 1000), (SettingId.MaxConcurrentStreams, 3)]);
        SettingsFrame.WriteAck(output);
        for (int id = 1; id <= 7; id += 2)
        {
            Headers(output, hpack, id, endStream: id == 3, toServer ? [":method", "POST", ":scheme", "http", ":path", "/a/B", "content-length", "5"] : [":status", "200"]);
            DataFrame.Write(output, id, "12345"u8, endStream: id == 1 && toServer);
            WindowUpdateFrame.Write(output, id, 100);
            Headers(output, hpack, id, endStream: true, ["x", "y"]);
            RstStreamFrame.Write(output, id, ErrorCode.Cancel);
            ReceiveBench.WriteCommand(output, (LocalCommand)((id - 1) / 2), id);
        }

        PingFrame.Write(output, isAck: false, 1);
        WindowUpdateFrame.Write(output, 0, 100);
        GoAwayFrame.Write(output, 0, ErrorCode.NoError, "bye"u8);
        return output.WrittenSpan.ToArray();
    }

    /// <summary>Blocks that come again and mean the same, another thing after an insert, or nothing where they stand: as heads and as trailers.</summary>
    private static byte[] Repetition(byte configuration)
    {
        bool toServer = ReceiveBench.RoleOf(configuration) == Role.Server;
        byte[] head = toServer ? [0x83, 0x86, 0x84] : [0x88]; // :method POST, :scheme http, :path /; or :status 200
        byte[] newest = [0xbe];
        var output = new OutputBuffer();
        SettingsFrame.Write(output, []);
        int id = 1;
        foreach (byte value in "112"u8)
        {
            Stream([.. head, 0x40, 1, (byte)'a', 1, value], newest); // inserts a field
            for (int i = 0; i < 3; i++)
            {
                Stream([.. head, .. newest], newest);
            }
        }

        Stream(head, [.. head, .. newest]);
        Stream(newest, newest);
        return output.WrittenSpan.ToArray();

        void Stream(byte[] first, byte[] last)
        {
            if (!toServer)
            {
                ReceiveBench.WriteCommand(output, LocalCommand.Open, id);
            }

            Block(output, id, endStream: false, first);
            Block(output, id, endStream: true, last);
            RstStreamFrame.Write(output, id, ErrorCode.Cancel);
            id += 2;
        }
    }

    private static void Block(OutputBuffer output, int id, bool endStream, byte[] block)
    {
        int offset = HeadersFrame.Begin(output);
        output.Write(block);
        HeadersFrame.End(output, offset, id, endStream, 16_384);
    }

    private static void Headers(OutputBuffer output, HpackEncoder hpack, int id, bool endStream, string[] fields)
    {
        int offset = HeadersFrame.Begin(output);
        hpack.BeginBlock(output);
        for (int i = 0; i < fields.Length; i += 2)
        {
            hpack.Encode(
                output, System.Text.Encoding.Latin1.GetBytes(fields[i]), System.Text.Encoding.Latin1.GetBytes(fields[i + 1]), Indexing.Incremental);
        }

        HeadersFrame.End(output, offset, id, endStream, id == 5 ? 10 : 16_384);
    }
}
