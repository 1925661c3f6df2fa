using System.Buffers;
using System.IO.Pipelines;
using System.Text;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>The other end of the connection under test: it says what it has prepared, counts what comes in, and allocates nothing.</summary>
internal sealed class RawEnd(ITransport transport)
{
    /// <summary>Large enough that no window and no credit gets in the way of a measurement.</summary>
    private const int Window = int.MaxValue;

    private readonly OutputBuffer _output = new();

    /// <summary>The streams that the engine has ended so far.</summary>
    public int Ended { get; private set; }

    /// <summary>The octets of DATA that have come in.</summary>
    public long Data { get; private set; }

    /// <summary>A header block. What may stand in the peer's table stands there from its first block on; the second one is that of every call.</summary>
    public static byte[] Block(HpackEncoder encoder, params ReadOnlySpan<(string Name, string Value)> fields)
    {
        var output = new OutputBuffer();
        encoder.BeginBlock(output);
        foreach ((string name, string value) in fields)
        {
            Indexing indexing = name == "grpc-timeout" ? Indexing.Without : Indexing.Incremental;
            encoder.Encode(output, Encoding.ASCII.GetBytes(name), Encoding.ASCII.GetBytes(value), indexing);
        }

        return output.WrittenSpan.ToArray();
    }

    /// <summary>This end's part of the connection's start.</summary>
    public void Start(bool isClient)
    {
        if (isClient)
        {
            _output.Write(ConnectionPreface.Octets);
        }

        SettingsFrame.Write(_output, [(SettingId.InitialWindowSize, Window)]);
        WindowUpdateFrame.Write(_output, 0, Window - 65_535);
        SettingsFrame.WriteAck(_output);
        Send();
    }

    /// <summary>Adds a HEADERS frame to what is to be sent.</summary>
    public void Headers(int id, byte[] block, bool endStream)
    {
        int offset = HeadersFrame.Begin(_output);
        _output.Write(block);
        HeadersFrame.End(_output, offset, id, endStream, 16_384);
    }

    /// <summary>Adds a DATA frame with one message.</summary>
    public void Message(int id, byte[] payload, bool endStream)
    {
        Span<byte> frame = _output.Reserve(FrameHeader.Size + MessagePrefix.Size + payload.Length);
        DataFrame.WriteHeader(frame, id, MessagePrefix.Size + payload.Length, endStream);
        MessagePrefix.Write(frame[FrameHeader.Size..], false, payload.Length);
        payload.CopyTo(frame[(FrameHeader.Size + MessagePrefix.Size)..]);
    }

    /// <summary>Adds an empty DATA frame that ends the stream.</summary>
    public void End(int id) => DataFrame.Write(_output, id, [], endStream: true);

    /// <summary>Sends what was added. The engine takes it in before this returns.</summary>
    public void Send()
    {
        _output.WrittenSpan.CopyTo(transport.Output.GetSpan(_output.Length));
        transport.Output.Advance(_output.Length);
        _output.Clear();
        ValueTask<FlushResult> flush = transport.Output.FlushAsync();
        Assert.True(flush.IsCompletedSuccessfully);
    }

    /// <summary>Takes in what the engine has sent.</summary>
    public void Receive()
    {
        if (!transport.Input.TryRead(out ReadResult result))
        {
            return;
        }

        var octets = new SequenceReader<byte>(result.Buffer);
        Span<byte> nine = stackalloc byte[FrameHeader.Size];
        while (octets.TryCopyTo(nine) && FrameHeader.Read(nine) is var header && octets.Remaining >= FrameHeader.Size + header.Length)
        {
            octets.Advance(FrameHeader.Size + header.Length);
            Data += header.Type == FrameType.Data ? header.Length : 0;
            Ended += header.Type is FrameType.Data or FrameType.Headers && header.Has(FrameFlags.EndStream) ? 1 : 0;
        }

        transport.Input.AdvanceTo(octets.Position, result.Buffer.End);
    }

    /// <summary>Passes over the client's preface, which is no frame.</summary>
    public void SkipPreface()
    {
        Assert.True(transport.Input.TryRead(out ReadResult result));
        transport.Input.AdvanceTo(result.Buffer.GetPosition(ConnectionPreface.Length));
    }
}
