using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A server that is driven by hand: one connection of a channel.</summary>
internal sealed class RawServer(ITransport transport, ITransport? below = null) : RawPeer(transport, Role.Client, below)
{
    /// <summary>What a gRPC response starts with.</summary>
    public static readonly string[] Headers200 = [":status=200", "content-type=application/grpc"];

    /// <summary>Hears the client's part of the connection's start and says the server's (RFC 9113 section 3.4).</summary>
    public async Task<RawFrame> StartAsync(params (SettingId Id, uint Value)[] settings)
    {
        RawFrame clientSettings = await ExpectPrefaceAsync();
        await SendAsync(o => SettingsFrame.Write(o, settings));
        await SendAsync(SettingsFrame.WriteAck);
        await ExpectAsync(FrameType.Settings, 0, FrameFlags.Ack);
        await ExpectAcknowledgedAsync();
        return clientSettings;
    }

    /// <summary>The client's preface and SETTINGS.</summary>
    public async Task<RawFrame> ExpectPrefaceAsync()
    {
        Assert.Equal(ConnectionPreface.Octets.ToArray(), await ReadOctetsAsync(ConnectionPreface.Length));
        return await ExpectAsync(FrameType.Settings);
    }

    /// <summary>Reads the request on a stream to its end; answers its header fields and its octets.</summary>
    public async Task<(RawFrame Head, byte[] Data)> RequestAsync(int id)
    {
        RawFrame head = await ExpectAsync(FrameType.Headers, id);
        var data = new List<byte>();
        for (bool ended = head.EndStream; !ended;)
        {
            RawFrame next = await ExpectAsync(FrameType.Data, id);
            data.AddRange(next.Payload);
            ended = next.EndStream;
        }

        return (head, [.. data]);
    }

    /// <summary>Trailers-Only: a failure, with the message "no", before anything else.</summary>
    public Task FailAsync(int id, Grpc.Core.StatusCode code, params string[] trailers) =>
        HeadersAsync(id, endStream: true, [.. Headers200, $"grpc-status={(int)code}", "grpc-message=no", .. trailers]);

    /// <summary>Answers with a message and status OK.</summary>
    public async Task ReplyAsync(int id, params byte[] payload)
    {
        await HeadersAsync(id, endStream: false, Headers200);
        await DataAsync(id, RawClient.Message(payload));
        await HeadersAsync(id, endStream: true, "grpc-status=0");
    }
}
