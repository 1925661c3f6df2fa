using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A client that is driven by hand.</summary>
internal sealed class RawClient(ITransport transport, ITransport? below = null) : RawPeer(transport, Role.Server, below)
{
    /// <summary>Says its part of the connection's start and hears the server's (RFC 9113 section 3.4).</summary>
    public async Task StartAsync(params (SettingId Id, uint Value)[] settings)
    {
        await SendAsync(ConnectionPreface.Octets.ToArray());
        await SendAsync(o => SettingsFrame.Write(o, settings));
        await ExpectAsync(FrameType.Settings);
        await ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await SendAsync(SettingsFrame.WriteAck);
        await ExpectAcknowledgedAsync();
    }

    /// <summary>What a request to a method of <see cref="TestService"/> starts with.</summary>
    public static string[] RequestFields(string method, params string[] more) =>
        [":method=POST", $":scheme={OverTls.Scheme}", ":path=/test/" + method, ":authority=localhost", "te=trailers", "content-type=application/grpc", .. more];

    /// <summary>Opens a stream.</summary>
    public Task RequestAsync(int id, string method, params string[] more) => HeadersAsync(id, endStream: false, RequestFields(method, more));

    /// <summary>A message with its prefix.</summary>
    public static byte[] Message(params byte[] payload)
    {
        byte[] message = new byte[MessagePrefix.Size + payload.Length];
        MessagePrefix.Write(message, false, payload.Length);
        payload.CopyTo(message, MessagePrefix.Size);
        return message;
    }

    /// <summary>Reads the response on a stream to its end.</summary>
    public async Task<RawResponse> ResponseAsync(int id)
    {
        RawFrame head = await ExpectAsync(FrameType.Headers, id);
        var data = new List<byte>();
        while (!head.EndStream)
        {
            RawFrame next = await ExpectDataOrTrailersAsync(id);
            if (next.Type == FrameType.Headers)
            {
                Assert.True(next.EndStream, "trailers without END_STREAM");
                return new RawResponse(head, [.. data], next);
            }

            Assert.False(next.EndStream, "a server ends a response with trailers");
            data.AddRange(next.Payload);
        }

        return new RawResponse(head, [.. data], null);
    }

    /// <summary>The trailers of a response whose header list was read already.</summary>
    public async Task<RawFrame> ResponseTrailersAsync(int id)
    {
        RawFrame frame;
        do
        {
            frame = await ExpectDataOrTrailersAsync(id);
        }
        while (frame.Type == FrameType.Data);
        return frame;
    }

    /// <summary>A whole call, to see that the connection still works.</summary>
    public async Task AssertWorksAsync(int id, string method = "Unary")
    {
        await RequestAsync(id, method);
        await DataAsync(id, Message(1, 2, 3), endStream: true);
        RawResponse response = await ResponseAsync(id);
        Assert.Equal("0", response.Status);
        Assert.Equal(Message(1, 2, 3), response.Data);
    }

    /// <summary>Whatever the server sends, to the end of the connection, as octets.</summary>
    public async Task<byte[]> ReadToEndAsync()
    {
        var octets = new List<byte>();
        try
        {
            while (await ReadOctetsAsync(1) is { Length: > 0 } next)
            {
                octets.AddRange(next);
            }
        }
        catch (IOException) when (OverTls.IsOn && octets.Count == 0)
        {
            // To our TLS, a server that closes before it has said anything is one that may have refused a certificate.
        }

        return [.. octets];
    }

    private Task<RawFrame> ExpectDataOrTrailersAsync(int id) =>
        ExpectAsync($"the rest of the response on stream {id}", id, frame => frame.Type is FrameType.Data or FrameType.Headers);
}
