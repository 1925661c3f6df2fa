using System.Collections.Concurrent;
using System.Text;

using Grpc.Core;

using MiniGrpc.Samples;
using MiniGrpc.Samples.Json;
using MiniGrpc.Server;

return await Sample.RunAsync(async () =>
{
    await using var server = new GrpcServer();
    var notes = new NotesService();
    server.Services.Add(ServerServiceDefinition.CreateBuilder()
        .AddMethod(Notes.Save, notes.SaveAsync)
        .AddMethod(Notes.Read, notes.ReadAsync)
        .Build());
    server.Listen(args.FirstOrDefault() ?? Sample.Address);
    await server.StartAsync();

    using var signal = new StopSignal();
    Console.WriteLine($"Listening on {server.Addresses[0]} (Ctrl+C stops)");
    await signal.Requested;

    // New calls are refused from here on; those under way get five seconds to finish.
    await server.ShutdownAsync(TimeSpan.FromSeconds(5));
    Console.WriteLine("Stopped");
});

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
