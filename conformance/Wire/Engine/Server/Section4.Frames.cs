using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <summary>RFC 9113 section 4 on a server: frames and field blocks as they arrive on a connection.</summary>
public class Section4_Frames
{
    /// <summary>RFC 9113 section 4.2: a frame longer than MAX_FRAME_SIZE MUST be a FRAME_SIZE_ERROR.</summary>
    [Theory]
    [InlineData(FrameTypeName.Data)]
    [InlineData(FrameTypeName.Headers)]
    [InlineData(FrameTypeName.Unknown)]
    public async Task A_frame_that_is_too_long_is_refused_before_its_payload_comes(FrameTypeName type)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o => new FrameHeader(16_385, (FrameType)type, FrameFlags.None, 1).Write(o));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.FrameSizeError, 1, "4.2");
        await server.AssertEndedAsync();
    }

    [Fact]
    public async Task A_frame_of_exactly_the_maximum_is_taken()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        byte[] message = RawClient.Message(new byte[16_384 - 5]);
        await client.DataAsync(1, message, endStream: true);
        Assert.Equal(message, (await client.ResponseAsync(1)).Data);
    }

    /// <summary>RFC 9113 sections 4.1 and 5.5: unknown types are ignored, on any stream and with any flags.</summary>
    [Fact]
    public async Task Frames_of_unknown_types_are_ignored()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        foreach (int id in new[] { 0, 1, 2, 1001 })
        {
            await client.SendAsync(o =>
            {
                new FrameHeader(3, (FrameType)0xbe, (FrameFlags)0xff, id).Write(o);
                o.Write([1, 2, 3]);
            });
        }

        await client.AssertWorksAsync(1);
    }

    /// <summary>RFC 9113 section 4.3: nothing may stand between the frames of a field block.</summary>
    [Theory]
    [InlineData(FrameTypeName.Data, 1)]
    [InlineData(FrameTypeName.Headers, 1)]
    [InlineData(FrameTypeName.Headers, 3)]
    [InlineData(FrameTypeName.Ping, 0)]
    [InlineData(FrameTypeName.Settings, 0)]
    [InlineData(FrameTypeName.WindowUpdate, 0)]
    [InlineData(FrameTypeName.Continuation, 3)]
    [InlineData(FrameTypeName.Unknown, 1)]
    [Requirement("9113-8.1-3")]
    public async Task A_frame_that_interrupts_a_field_block_is_a_protocol_error(FrameTypeName type, int id)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        byte[] block = client.Block(RawClient.RequestFields("Unary"));
        await client.SendAsync(o =>
        {
            new FrameHeader(block.Length, FrameType.Headers, FrameFlags.None, 1).Write(o);
            o.Write(block);
            new FrameHeader(0, (FrameType)type, FrameFlags.EndHeaders, id).Write(o);
        });
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 0, "6.10");
    }

    /// <summary>RFC 9113 section 6.10: CONTINUATION follows a frame without END_HEADERS, else it is a PROTOCOL_ERROR.</summary>
    [Fact]
    public async Task A_continuation_without_headers_before_it_is_a_protocol_error()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o => ContinuationFrame.Write(o, 1, [0x82], endHeaders: true));
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 1, "6.10");
    }

    [Fact]
    public async Task A_field_block_in_many_pieces_is_put_together()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await SendInPiecesAsync(client, 1, client.Block(RawClient.RequestFields("Unary", "x=" + new string('v', 3000))), 8);
        await client.DataAsync(1, RawClient.Message(9), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 10.5.1: a block without end must not use up memory; empty frames count too (CVE-2024-27316).</summary>
    [Fact]
    [Requirement("9113-10.5-2")]
    public async Task Too_many_continuation_frames_end_the_connection()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await SendInPiecesAsync(client, 1, client.Block(RawClient.RequestFields("Unary")), 9);
        await client.ExpectGoAwayAndEndAsync(ErrorCode.EnhanceYourCalm, 0, "10.5");
        await server.AssertEndedAsync();
    }

    /// <summary>RFC 9113 section 4.3: a block that can't be decoded MUST be a COMPRESSION_ERROR of the connection.</summary>
    [Fact]
    public async Task A_field_block_that_does_not_decode_is_a_compression_error()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.AssertWorksAsync(1);
        await client.SendAsync(o =>
        {
            new FrameHeader(1, FrameType.Headers, FrameFlags.EndHeaders, 3).Write(o);
            o.WriteByte(0x80); // index 0
        });
        await client.ExpectGoAwayAndEndAsync(ErrorCode.CompressionError, 3, "4.3");
        await server.AssertEndedAsync();
    }

    /// <summary>The same for a block that nobody wants: its stream was refused, or we had reset it.</summary>
    [Fact]
    public async Task A_field_block_of_a_refused_stream_that_does_not_decode_is_a_compression_error()
    {
        await using var server = new TestServer(options => options.MaxConcurrentStreams = 1);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o =>
        {
            new FrameHeader(1, FrameType.Headers, FrameFlags.EndHeaders, 3).Write(o);
            o.WriteByte(0x80);
        });
        await client.ExpectGoAwayAndEndAsync(ErrorCode.CompressionError, 3, "4.3");
    }

    /// <summary>RFC 9113 sections 6.1 and 6.2: padding is taken off, and DATA's counts for flow control.</summary>
    [Fact]
    public async Task Padded_frames_are_read_without_their_padding()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        byte[] block = client.Block(RawClient.RequestFields("Unary"));
        await client.SendAsync(o =>
        {
            new FrameHeader(1 + 5 + block.Length + 10, FrameType.Headers, FrameFlags.EndHeaders | FrameFlags.Padded | FrameFlags.Priority, 1).Write(o);
            o.Write([10, 0, 0, 0, 0, 200]);
            o.Write(block);
            o.Reserve(10).Clear();
        });
        byte[] message = RawClient.Message(1, 2, 3, 4);
        foreach (byte octet in message)
        {
            await client.SendAsync(o => DataFrame.Write(o, 1, [octet], endStream: false, padLength: 255));
        }

        await client.SendAsync(o => DataFrame.Write(o, 1, [], endStream: true, padLength: 0));
        Assert.Equal(message, (await client.ResponseAsync(1)).Data);
        await server.AssertQuietAsync(client);
    }

    /// <summary>RFC 9113 section 6.1: padding as long as the payload or longer is a PROTOCOL_ERROR.</summary>
    [Fact]
    public async Task Padding_longer_than_the_frame_is_a_protocol_error()
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        await client.SendAsync(o =>
        {
            new FrameHeader(3, FrameType.Data, FrameFlags.Padded, 1).Write(o);
            o.Write([3, 0, 0]);
        });
        await client.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 1, "6.1");
        await server.AssertEndedAsync();
    }

    private static Task SendInPiecesAsync(RawClient client, int id, byte[] block, int pieces) => client.SendAsync(o =>
    {
        new FrameHeader(0, FrameType.Headers, FrameFlags.None, id).Write(o);
        for (int i = 1; i < pieces - 1; i++)
        {
            ContinuationFrame.Write(o, id, block.AsSpan(i - 1, 1), endHeaders: false);
        }

        ContinuationFrame.Write(o, id, block.AsSpan(pieces - 2), endHeaders: true);
    });
}
