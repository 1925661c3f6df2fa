using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

using Grpc.Core;

using MiniGrpc.Samples.Json;
using MiniGrpc.Server;

string address = args.FirstOrDefault() ?? "http://127.0.0.1:50051";

var notes = new NotesService();
await using var server = new GrpcServer();
server.Services.Add(ServerServiceDefinition.CreateBuilder()
    .AddMethod(Notes.Save, notes.SaveAsync)
    .AddMethod(Notes.Read, notes.ReadAsync)
    .Build());
try
{
    server.Listen(address);
    await server.StartAsync();
}
catch (Exception e) when (e is ArgumentException or IOException)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

var stop = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);

Console.WriteLine($"Listening on {server.Addresses[0]} (Ctrl+C stops)");
await stop.Task;

// New calls are refused from here on; those under way get five seconds to finish.
await server.ShutdownAsync(TimeSpan.FromSeconds(5));
Console.WriteLine("Stopped");
return 0;

void Stop(PosixSignalContext signal)
{
    signal.Cancel = true; // otherwise the signal ends the process at once
    stop.TrySetResult();
}

internal sealed class NotesService
{
    private readonly ConcurrentDictionary<string, Note> _notes = [];

    public Task<Receipt> SaveAsync(Note note, ServerCallContext context)
    {
        _notes[note.Title] = note;
        Console.WriteLine($"Saved \"{note.Title}\"");
        return Task.FromResult(new Receipt(note.Title, note.Lines.Length));
    }

    public async Task ReadAsync(Title title, IServerStreamWriter<byte[]> lines, ServerCallContext context)
    {
        if (!_notes.TryGetValue(title.Text, out Note? note))
        {
            throw new RpcException(new Status(StatusCode.NotFound, $"there is no note \"{title.Text}\""));
        }

        foreach (string line in note.Lines)
        {
            await lines.WriteAsync(Encoding.UTF8.GetBytes(line), context.CancellationToken);
        }
    }
}
