using System.IO.Compression;
using System.IO.Pipelines;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Conformance.Fuzz.Sessions;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>
/// A whole server with handlers, fed with what real clients have sent, changed. The input is what one connection carries from
/// the client to the server, preface and all.
/// </summary>
internal sealed class ServerTarget : FuzzTarget
{
    private const int WindowOfInput = 4096;

    /// <summary>So many turns of the pool without a new frame mean that nothing more will come, most likely.</summary>
    private const int IdleTurns = 50;

    /// <inheritdoc />
    public override string Name => "server";

    /// <inheritdoc />
    public override string About => "Recorded sessions, changed, to a server: the connection ends, no handler stays behind, and what it answers is HTTP/2.";

    /// <inheritdoc />
    public override int MaxLength => 16 * 1024;

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds()
    {
        var output = new OutputBuffer();
        output.Write(ConnectionPreface.Octets);
        SettingsFrame.Write(output, []);
        yield return output.WrittenSpan.ToArray();
        yield return "GET / HTTP/1.1\r\n\r\n"u8.ToArray();
        yield return [22, 3, 1, 0, 5, 1];
    }

    /// <inheritdoc />
    public override byte[] Mutate(byte[] input, byte[] other, Random random)
    {
        int preface = input.AsSpan().StartsWith(ConnectionPreface.Octets) && random.Next(100) > 0 ? ConnectionPreface.Length : 0;
        int otherPreface = other.AsSpan().StartsWith(ConnectionPreface.Octets) ? ConnectionPreface.Length : 0;
        return [.. input.AsSpan(0, preface), .. FrameMutator.Mutate(input.AsSpan(preface), other.AsSpan(otherPreface), random)];
    }

    /// <inheritdoc />
    public override async ValueTask RunAsync(byte[] input, Features features)
    {
        var time = new FakeTimeProvider();
        var log = new FindingLog();
        var options = new GrpcServerOptions
        {
            TimeProvider = time,
            MaxReceiveMessageSize = 64 * 1024,
            MaxConcurrentStreams = 10,
            ResponseCompressionAlgorithm = "gzip",
            CompressionProviders = { new GzipCompressionProvider(CompressionLevel.Fastest) },
        };
        var core = new ServerCore(options, new MethodTable([EchoService.Bind()], []), log);
        (ITransport client, ITransport server) = MemoryTransport.CreatePair("fuzz", capacity: 1);
        core.Serve(server);
        var output = new OutputCheck(client, features);

        await Waits.WithinAsync(SendAsync(client.Output, input), "the server to read");
        await LetHandlersRunAsync(core, output);
        if (input.Length % 4 == 0)
        {
            time.Advance(TimeSpan.FromHours(1)); // whatever has a deadline has passed it
        }

        await client.Output.CompleteAsync();
        await Waits.WithinAsync(output.Reading, "the connection to end");
        await Waits.UntilAsync(() => core.RunningCalls == 0, "the handlers to return");
        core.Abort("the run is over");
        await Waits.WithinAsync(core.Drained, "the server to end");
        await client.DisposeAsync();
        log.Check();
    }

    /// <summary>In pieces that have nothing to do with frames; the server has looked at all of it in the end.</summary>
    private static async Task SendAsync(PipeWriter output, byte[] input)
    {
        int step = 1 + (input.Length % WindowOfInput);
        for (int at = 0; at < input.Length; at += step)
        {
            FlushResult result = await output.WriteAsync(input.AsMemory(at, int.Min(step, input.Length - at)));
            if (result.IsCompleted)
            {
                return; // the server has had enough
            }
        }
    }

    /// <summary>Turns for handlers that could go on, as long as something comes of it; those whose request isn't whole wait on.</summary>
    private static async Task LetHandlersRunAsync(ServerCore core, OutputCheck output)
    {
        int before = -1;
        for (int idle = 0; idle < IdleTurns && core.RunningCalls > 0; idle++)
        {
            await Waits.GiveWayAsync();
            idle = output.Frames == before ? idle : 0;
            before = output.Frames;
        }
    }
}
