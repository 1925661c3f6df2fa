using System.Runtime;
using System.Runtime.InteropServices;
using System.Security.Cryptography.X509Certificates;
using System.Text.Json;
using MiniGrpc.Benchmarks.Compare.Load;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Peers;

namespace MiniGrpc.Benchmarks.Compare.Control;

/// <summary>
/// The server's and the client's side of the control channel. It blocks the main thread, which the thread pool knows nothing
/// of: a pool that is busy, or hangs, can't keep a command from being read. The end of the input ends the process, so that
/// nothing is left behind by an orchestrator that was killed.
/// </summary>
/// <param name="load">What a client makes; null for the other roles.</param>
/// <param name="perform">Performs the commands of a role that has its own.</param>
internal sealed class ControlLoop(LoadGenerator? load, Func<string, Reply>? perform = null)
{
    private readonly ProcessMeter _meter = new();

    public void Run(string peer, string? address = null, X509Certificate2? certificate = null)
    {
        Answer(new Reply { Ready = Describe(peer, address, certificate) });
        while (Console.In.ReadLine() is string command)
        {
            Answer(Obey(command));
        }
    }

    private static void Answer(Reply reply) => Console.Out.WriteLine(JsonSerializer.Serialize(reply, ReplyJson.Default.Reply));

    private Reply Obey(string command)
    {
        try
        {
            return command == Command.Memory
                ? new Reply { Memory = MemoryMeter.Read() }
                : perform?.Invoke(command) ?? new Reply { Window = Perform(command) };
        }
        catch (Exception exception)
        {
            // Whatever it was, the orchestrator reports it.
            return new Reply { Error = (exception is AggregateException many ? many.InnerExceptions[0] : exception).ToString() };
        }
    }

    private Window? Perform(string command)
    {
        switch (command)
        {
            case Command.Start:
                load?.Start();
                return null;
            case Command.Begin:
                load?.Begin();
                _meter.Begin();
                return null;
            case Command.End:
                return End();
            case Command.Stop:
                load?.Stop();
                return null;
            default:
                throw new ArgumentException($"There is no command '{command}'.", nameof(command));
        }
    }

    private Window End()
    {
        if (load is null)
        {
            return _meter.End();
        }

        long operations = load.Operations;
        Window window = _meter.End();
        load.ThrowIfLoopDied();
        return window with
        {
            Operations = operations,
            P50Microseconds = load.PercentileMicroseconds(0.50),
            P99Microseconds = load.PercentileMicroseconds(0.99),
            P999Microseconds = load.PercentileMicroseconds(0.999),
        };
    }

    private static Ready Describe(string peer, string? address, X509Certificate2? certificate) => new()
    {
        Peer = peer,
        Address = address,
        Certificate = certificate is null ? null : SelfSigned.Export(certificate),
        Runtime = $"{RuntimeInformation.FrameworkDescription} {RuntimeInformation.ProcessArchitecture}",
        Cores = Cores.Mine(),
        ProcessorCount = Environment.ProcessorCount,
        PoolSpins = Environment.GetEnvironmentVariable(ChildProcess.PoolSpins),
        GarbageCollector = (GCSettings.IsServerGC ? "server" : "workstation")
            + (GCSettings.LatencyMode == GCLatencyMode.Interactive ? ", concurrent" : ", not concurrent"),
    };
}
