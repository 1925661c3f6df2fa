using System.IO.Compression;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Conformance.Fuzz.Sessions;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>
/// A whole channel with a call of each kind, fed with what real servers have answered, changed. The input is what one
/// connection carries from the server to the client; a SETTINGS frame goes ahead of it, so that the calls are under way.
/// </summary>
internal sealed class ClientTarget : FuzzTarget
{
    /// <inheritdoc />
    public override string Name => "client";

    /// <inheritdoc />
    public override string About => "Recorded answers, changed, to a channel with calls: every call ends with a response or a status, and the connection too.";

    /// <inheritdoc />
    public override int MaxLength => 16 * 1024;

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds()
    {
        var output = new OutputBuffer();
        SettingsFrame.WriteAck(output);
        GoAwayFrame.Write(output, 3, ErrorCode.NoError, "bye"u8);
        yield return output.WrittenSpan.ToArray();
        yield return "HTTP/1.1 400 Bad Request\r\n\r\n"u8.ToArray();
        yield return [21, 3, 1, 0, 2, 2, 70];
    }

    /// <inheritdoc />
    public override byte[] Mutate(byte[] input, byte[] other, Random random) => FrameMutator.Mutate(input, other, random);

    /// <inheritdoc />
    public override async ValueTask RunAsync(byte[] input, Features features)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        var log = new FindingLog();
        var options = new MiniChannelOptions
        {
            TimeProvider = time,
            LoggerFactory = log,
            MaxReceiveMessageSize = 64 * 1024,
            CompressionProviders = { new GzipCompressionProvider(CompressionLevel.Fastest) },
        };
        var endPoint = new MemoryEndPoint("fuzz");
        ITransportListener listener = endPoint.Listen();
        MiniChannel channel = MiniChannel.ForEndPoint(endPoint, options);
        Task<OutputCheck> connecting = AcceptAsync(listener, features);
        Task<Task<Status[]>> starting = Script.StartAsync(channel.CreateCallInvoker(), async count => await (await connecting).OpenedAsync(count));
        OutputCheck output = await connecting;
        listener.Close(); // calls that are sent once more find nobody
        await Waits.WithinAsync(starting, "the calls to start");

        await Waits.WithinAsync(output.Transport.Output.WriteAsync(input).AsTask(), "the client to read");
        if (input.Length % 4 == 0)
        {
            time.Advance(TimeSpan.FromHours(1)); // whatever has a deadline has passed it
        }

        await output.Transport.Output.CompleteAsync();
        Task<Status[]> calls = await starting;
        await Waits.WithinAsync(calls, "the calls to end");
        await Waits.WithinAsync(channel.DisposeAsync().AsTask(), "the channel to close");
        await Waits.WithinAsync(output.Reading, "the connection to end");
        Note(await calls, features); // not earlier: what is read is noted, too
        await output.Transport.DisposeAsync();
        await listener.DisposeAsync();
        log.Check();
    }

    /// <summary>How each call has ended, and why but for the numbers in the reason.</summary>
    private static void Note(Status[] ends, Features features)
    {
        for (int i = 0; i < ends.Length; i++)
        {
            string reason = string.Concat(ends[i].Detail.Where(letter => !char.IsAsciiDigit(letter)).TakeWhile(letter => letter is not ('"' or '\'')).Take(40));
            features.Add(reason, i, (int)ends[i].StatusCode);
        }
    }

    private static async Task<OutputCheck> AcceptAsync(ITransportListener listener, Features features)
    {
        ITransport transport = await listener.AcceptAsync() ?? throw new FuzzException("the channel doesn't connect");
        var output = new OutputCheck(transport, features);
        var settings = new OutputBuffer();
        SettingsFrame.Write(settings, []);
        await transport.Output.WriteAsync(settings.WrittenMemory);
        return output;
    }
}
