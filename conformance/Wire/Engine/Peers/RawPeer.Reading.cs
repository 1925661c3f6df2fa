using System.Buffers.Binary;
using System.IO.Pipelines;
using MiniGrpc.Conformance.Wire.Rfc7541;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <content>How frames are read and understood.</content>
internal partial class RawPeer
{
    /// <summary>Octets that are no frame.</summary>
    protected async Task<byte[]> ReadOctetsAsync(int count)
    {
        if (count == 0)
        {
            return [];
        }

        await OpenAsync();
        ReadResult result = await Within(transport.Input.ReadAtLeastAsync(count).AsTask(), $"{count} octets");
        byte[] octets = new byte[int.Min(count, (int)result.Buffer.Length)];
        System.Buffers.BuffersExtensions.CopyTo(result.Buffer.Slice(0, octets.Length), octets);
        transport.Input.AdvanceTo(result.Buffer.GetPosition(octets.Length));
        return octets;
    }

    private async Task<RawFrame?> ReadAsync(string what)
    {
        if (_ended)
        {
            return null;
        }

        byte[] nine;
        byte[] payload = [];
        try
        {
            nine = await ReadOctetsAsync(FrameHeader.Size);
            if (nine.Length == FrameHeader.Size)
            {
                payload = await ReadOctetsAsync(FrameHeader.Read(nine).Length);
            }
        }
        catch (IOException)
        {
            nine = []; // the peer has torn the connection down
        }
        catch (Xunit.Sdk.XunitException e)
        {
            throw Failure($"{e.Message} The test was waiting for {what}");
        }

        if (nine.Length < FrameHeader.Size)
        {
            _ended = true;
            return null;
        }

        RawFrame frame = Understand(FrameHeader.Read(nine), payload);
        _seen.Add(frame.ToString());
        return _rules.Received(nine, payload) is { } reason ? throw Failure($"The engine has sent {frame}: {reason}") : frame;
    }

    private RawFrame Understand(in FrameHeader header, byte[] payload)
    {
        string[] fields = [];
        if (header.Type is FrameType.Headers or FrameType.Continuation)
        {
            _block.AddRange(payload);
            if (header.Has(FrameFlags.EndHeaders))
            {
                fields = [.. HpackTesting.Decode(_decoder, _block.ToArray()).Select(field => $"{field.Name}={field.Value}")];
                _block.Clear();
            }
        }

        if (header is { Type: FrameType.WindowUpdate, StreamId: 0 })
        {
            ConnectionCredit += BinaryPrimitives.ReadUInt32BigEndian(payload);
        }

        return new RawFrame(header, payload, fields);
    }
}
