using System.Diagnostics;
using System.Text;
using MiniGrpc.Conformance.Interop.Calls;

namespace MiniGrpc.Conformance.Interop.Programs;

/// <summary>A program in another language that runs beside a test and ends with it.</summary>
internal sealed class PeerProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _errors = new();

    public PeerProcess(ProcessStartInfo start)
    {
        start.RedirectStandardInput = true;
        start.RedirectStandardOutput = true;
        start.RedirectStandardError = true;
        start.StandardOutputEncoding = Encoding.UTF8;
        _process = new Process { StartInfo = start };
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_errors)
            {
                _errors.AppendLine(line.Data);
            }
        };
        _process.Start();
        _process.BeginErrorReadLine();
    }

    /// <summary>What the program has written to its standard error so far.</summary>
    public string Errors
    {
        get
        {
            lock (_errors)
            {
                return _errors.ToString();
            }
        }
    }

    /// <summary>The next line of the program's output, in which <paramref name="what"/> is expected.</summary>
    public async Task<string> ReadLineAsync(string what = "a line from the program")
    {
        string? line = await _process.StandardOutput.ReadLineAsync().WithinLimit(what);
        return line ?? throw new InvalidOperationException($"The program ended: {Errors}");
    }

    /// <summary>Gives the program a line, and at once.</summary>
    public async Task WriteLineAsync(string line = "")
    {
        await _process.StandardInput.WriteLineAsync(line).WithinLimit("the program's input");
        await _process.StandardInput.FlushAsync().WithinLimit("the program's input");
    }

    /// <summary>Gives the program all of its input.</summary>
    public async Task WriteAllAsync(string input)
    {
        await _process.StandardInput.WriteAsync(input).WithinLimit("the program's input");
        _process.StandardInput.Close();
    }

    /// <summary>All output of a program that ends by itself and well.</summary>
    public async Task<string> OutputAsync()
    {
        string output = await _process.StandardOutput.ReadToEndAsync().WithinLimit("the output of the program");
        Assert.True(await ExitAsync() == 0, $"The program failed: {Errors}");
        return output;
    }

    public Task<int> ExitAsync() => ExitAsync(Bounded.Limit);

    public async Task<int> ExitAsync(TimeSpan limit)
    {
        await _process.WaitForExitAsync().Within(limit, "the end of the program");
        return _process.ExitCode;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync().WithinLimit("the end of the killed program");
        _process.Dispose();
    }
}
