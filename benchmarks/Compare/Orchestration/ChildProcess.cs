using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using System.Text.Json;
using MiniGrpc.Benchmarks.Compare.Control;

namespace MiniGrpc.Benchmarks.Compare.Orchestration;

/// <summary>
/// A server or client of its own process, made of this very program: both sides of a comparison run the same build, and neither
/// shares a thread pool, a heap or a JIT with the other.
/// </summary>
internal sealed class ChildProcess : IAsyncDisposable
{
    /// <summary>The runtime's setting of how often an idle thread of the pool looks for work before it sleeps.</summary>
    public const string PoolSpins = "DOTNET_ThreadPool_UnfairSemaphoreSpinLimit";

    // Longer than a client waits for its own calls to end, so that its account of a hang comes first.
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(30);

    private readonly Process _process;
    private readonly string _name;

    private ChildProcess(Process process, string name)
    {
        _process = process;
        _name = name;
    }

    public Ready Ready { get; private set; } = null!;

    public static async Task<ChildProcess> StartAsync(string? cores, BenchmarkOptions options, params IReadOnlyList<string> arguments)
    {
        string file = Environment.ProcessPath!;
        bool isHost = Path.GetFileNameWithoutExtension(file) == "dotnet";
        ProcessStartInfo start = Cores.StartInfo(cores, file, isHost ? [Assembly.GetEntryAssembly()!.Location, .. arguments] : arguments);
        Prepare(start, options);
        Process process = Process.Start(start)!;
        Cores.Pin(process, cores);

        // By its name it is spoken of; a certificate would fill lines.
        var child = new ChildProcess(process, string.Join(' ', arguments.Where(argument => argument.Length < 100)));
        try
        {
            child.Ready = (await child.ReceiveAsync("start-up")).Ready!;
            return child;
        }
        catch
        {
            await child.DisposeAsync();
            throw;
        }
    }

    /// <summary>The surroundings that every process gets.</summary>
    public static void Prepare(ProcessStartInfo start, BenchmarkOptions options)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.Environment["DOTNET_gcServer"] = options.ServerGc ? "1" : "0";
        start.Environment.Add(Settling.NoLongerDelayOnOneProcessor);
        if (options.Processors is int processors)
        {
            // Hexadecimal, as all of the runtime's settings in the environment.
            start.Environment["DOTNET_PROCESSOR_COUNT"] = processors.ToString("x", CultureInfo.InvariantCulture);
        }

        if (options.PoolSpins is int spins)
        {
            start.Environment[PoolSpins] = spins.ToString("x", CultureInfo.InvariantCulture);
        }
    }

    /// <summary>Sends a command and waits until it has been carried out.</summary>
    /// <exception cref="BenchmarkException">It failed, or there was no answer in time.</exception>
    public async Task<Window?> AskAsync(string command) => (await AskForReplyAsync(command)).Window;

    /// <summary>The same, for commands that are not answered with a window.</summary>
    public async Task<Reply> AskForReplyAsync(params IReadOnlyList<string> words)
    {
        string command = string.Join(' ', words);
        try
        {
            await _process.StandardInput.WriteLineAsync(command);
            await _process.StandardInput.FlushAsync();
        }
        catch (IOException)
        {
            throw new BenchmarkException($"'{_name}' had ended before '{command}'.");
        }

        return await ReceiveAsync(command);
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            await _process.WaitForExitAsync();
        }

        _process.Dispose();
    }

    private async Task<Reply> ReceiveAsync(string command)
    {
        string? line;
        using (var source = new CancellationTokenSource(s_patience))
        {
            try
            {
                line = await _process.StandardOutput.ReadLineAsync(source.Token);
            }
            catch (OperationCanceledException)
            {
                throw new BenchmarkException($"'{_name}' gave no answer to '{command}' in {s_patience.TotalSeconds} s.");
            }
        }

        if (line is null)
        {
            throw new BenchmarkException($"'{_name}' ended at '{command}'.");
        }

        Reply reply = JsonSerializer.Deserialize(line, ReplyJson.Default.Reply)!;
        return reply.Error is null ? reply : throw new BenchmarkException($"'{_name}' failed at '{command}': {reply.Error}");
    }
}

/// <summary>A measurement that could not be made, and why.</summary>
internal sealed class BenchmarkException(string message) : Exception(message);
