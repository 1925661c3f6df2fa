using Grpc.Core;

using Microsoft.Extensions.Time.Testing;

using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Samples.Tour;

/// <summary>The tour's chapters: each makes a call, waits for the frame that ends it, and shows what crossed the wire.</summary>
internal sealed class Lessons(Page page, WireLog wire, Greeter.GreeterClient client)
{
    private static readonly Note s_callsSayHello = new(Frame.IsCall, "calls SayHello");
    private static readonly Note s_halfClose = new(Frame.IsHalfClose, "is done sending");
    private static readonly Note s_statusOk = new(Frame.IsTrailers, "status OK");

    private Frame? _firstCall;

    public void Introduce(string address) => page.Title(
        page.IsTooNarrow ? "gRPC on the wire (please make this window 120 columns wide)" : "gRPC on the wire",
        $"A server listens on {address}, and a client calls it over TCP. Both are MiniGrpc and run in this process; the service is "
            + "Greeter, from protos/greeter.proto.",
        "The tables show what the client's end of the connection sees: → was sent by the client, ← by the server. \"The program\" is "
            + "what the client's code did or got. \"Window left\" is flow control: after a DATA frame, how many octets its sender may "
            + "still send on the stream and, below, on the connection. A thing is explained where it first appears.");

    public async Task ConnectAndCallAsync()
    {
        HelloReply reply = await client.SayHelloAsync(new HelloRequest { Name = "Ada" });
        await wire.SeenAsync("both SETTINGS acknowledgements", Frame.IsSettingsAck, count: 2);

        page.Chapter(
            "A connection starts",
            "RFC 9113 section 3.4 · src/MiniGrpc.Wire/Http2/ConnectionPreface.cs, src/MiniGrpc.Wire/Http2/Settings.cs",
            "The first call makes the channel connect. The client opens with a fixed text that no HTTP/1 server takes for a request, "
                + "then each side sends its SETTINGS: what the other side may do. Each acknowledges those of the other. Both also "
                + "enlarge the window of the whole connection, which is only 65,535 octets otherwise.");
        page.Frames(wire.Take(frame => frame.StreamId == 0), []);

        page.Chapter(
            "Unary: one request, one reply",
            "RFC 9113 section 8.1, gRPC over HTTP/2 · src/MiniGrpc.Wire/Grpc/MessagePrefix.cs",
            "A call is a stream. The client's streams have odd numbers, the first is 1. A request is HEADERS and DATA; a response is "
                + "HEADERS, DATA, and HEADERS once more: the trailers, with the call's status. In DATA, each message stands behind "
                + "five octets: is it compressed, and how long is it. The rest is protobuf; for gRPC any octets would do.");
        IReadOnlyList<Frame> frames = await UntilAsync("the trailers", Frame.IsTrailers);
        page.Frames(frames, Unary("Ada", reply));
        _firstCall = frames.First(Frame.IsCall);
    }

    public async Task CallAgainAsync()
    {
        HelloReply reply = await client.SayHelloAsync(new HelloRequest { Name = "Ada" });

        page.Chapter(
            "The same call again: what HPACK saves",
            "RFC 7541 · src/MiniGrpc.Wire/Hpack/HpackEncoder.cs, src/MiniGrpc.Wire/Hpack/DynamicTable.cs",
            "With the first call both ends have put its fields into a table. The second call says the same, field by field, but each "
                + "field is now a number in that table, and such a number takes one octet. The response gains in the same way.");
        IReadOnlyList<Frame> frames = await UntilAsync("the trailers", Frame.IsTrailers);
        Frame call = frames.First(Frame.IsCall);
        page.Frames(frames, Unary("Ada", reply), fold: false);
        page.Bars(
            "The fields of the request, in octets:",
            [("names and values", call.PlainLength), ("as HEADERS, 1st call", _firstCall!.Length), ("as HEADERS, 2nd call", call.Length)]);
    }

    public async Task StreamFromServerAsync()
    {
        var notes = new List<Note> { new(Frame.IsCall, "calls SayHellos"), new(Frame.IsRequest, "sends \"Ada\", 3") };
        using AsyncServerStreamingCall<HelloReply> call = client.SayHellos(new HelloRequest { Name = "Ada", Count = 3 });
        await foreach (HelloReply reply in call.ResponseStream.ReadAllAsync())
        {
            notes.Add(new Note(Frame.IsReply, Gets(reply)));
        }

        notes.Add(s_statusOk);
        page.Chapter(
            "Server streaming: one request, many replies",
            "gRPC over HTTP/2 · src/MiniGrpc.Server/ResponseWriter.cs",
            "The request is as before. The response has more than one message, and that is all: no new kind of frame, no count. It "
                + "goes on until the trailers. Messages and frames are independent of each other: a frame could hold several "
                + "messages, and a long message takes several frames.");
        page.Frames(await UntilAsync("the trailers", Frame.IsTrailers), notes);
    }

    public async Task StreamFromClientAsync()
    {
        var notes = new List<Note> { new(Frame.IsCall, "calls GreetMany") };
        using AsyncClientStreamingCall<HelloRequest, HelloReply> call = client.GreetMany();
        foreach (string name in (string[])["Ada", "Grace", "Barbara"])
        {
            await call.RequestStream.WriteAsync(new HelloRequest { Name = name });
            notes.Add(new Note(Frame.IsRequest, Sends(name)));
        }

        await wire.SeenAsync("the third request", Frame.IsRequest, count: 3);
        await call.RequestStream.CompleteAsync();
        HelloReply reply = await call.ResponseAsync;

        notes.AddRange([s_halfClose, new Note(Frame.IsReply, Gets(reply)), s_statusOk]);
        page.Chapter(
            "Client streaming: many requests, one reply",
            "RFC 9113 section 5.1 · src/MiniGrpc.Wire/Http2/StreamState.cs",
            "Now the client's side stays open. The flag END_STREAM, here on a DATA frame with nothing in it, says that no more "
                + "requests come. The stream is then half-closed: this way it is silent, the other way it still carries the reply.");
        page.Frames(await UntilAsync("the trailers", Frame.IsTrailers), notes);
    }

    public async Task StreamBothWaysAsync()
    {
        var notes = new List<Note> { new(Frame.IsCall, "calls Chat") };
        using AsyncDuplexStreamingCall<HelloRequest, HelloReply> call = client.Chat();
        foreach (string name in (string[])["Ada", "Grace"])
        {
            notes.AddRange(await ExchangeAsync(call, name));
        }

        await call.RequestStream.CompleteAsync();
        await call.ResponseStream.MoveNext();

        notes.AddRange([s_halfClose, s_statusOk]);
        page.Chapter(
            "Bidirectional streaming: both at once",
            "RFC 9113 section 5 · src/MiniGrpc.Wire/Calls/GrpcStream.cs",
            "Both sides of the stream are open and independent. That requests and replies take turns here is this program's choice, "
                + "which reads a reply before it sends the next request; the protocol doesn't ask for it.");
        page.Frames(await UntilAsync("the trailers", Frame.IsTrailers), notes);
    }

    public async Task FailAsync()
    {
        string status = await StatusOfAsync(client.SayHelloAsync(new HelloRequest()));

        page.Chapter(
            "An error: Trailers-Only",
            "gRPC over HTTP/2 · src/MiniGrpc.Wire/Grpc/PercentEncoding.cs",
            "The request has no name. In protobuf a field that is empty isn't written, so the message has no octets at all, and its "
                + "five-octet prefix travels alone. The server fails before it has sent anything, so one HEADERS frame is both the "
                + "head and the end of its response. HTTP says 200; the error is in grpc-status. A field value must be ASCII, hence "
                + "the dash in the text is percent-encoded.");
        page.Frames(
            await UntilAsync("the trailers", Frame.IsTrailers),
            [s_callsSayHello, new Note(Frame.IsRequest, Sends("")), new Note(Frame.IsTrailers, status)]);
    }

    public async Task MissDeadlineAsync(FakeTimeProvider clock, TourService service)
    {
        DateTime deadline = clock.GetUtcNow().UtcDateTime.AddSeconds(2);
        using AsyncUnaryCall<HelloReply> call = client.SayHelloAsync(new HelloRequest { Name = "Godot" }, deadline: deadline);
        await WireLog.BoundedAsync(service.WaitingForGodot, "the handler's start");
        clock.Advance(TimeSpan.FromSeconds(2));
        string status = await StatusOfAsync(call);
        await WireLog.BoundedAsync(service.Cancelled, "the handler's cancellation");

        page.Chapter(
            "A deadline passes",
            "RFC 9113 section 6.4 · src/MiniGrpc.Wire/Calls/Deadline.cs",
            "The client gives the call two seconds, and tells the server so in grpc-timeout. Godot doesn't come. The client ends the "
                + "call by itself and resets the stream; it doesn't wait for an answer. In the server the handler's cancellation "
                + "token fires, so that it may stop too. A call that the client cancels looks the same.");
        page.Frames(
            await UntilAsync("RST_STREAM", Frame.IsCancellation),
            [s_callsSayHello, new Note(Frame.IsRequest, Sends("Godot")), new Note(Frame.IsCancellation, status)]);
    }

    public async Task ShutDownAsync(GrpcServer server)
    {
        var notes = new List<Note> { new(Frame.IsCall, "calls Chat") };
        using AsyncDuplexStreamingCall<HelloRequest, HelloReply> call = client.Chat();
        notes.AddRange(await ExchangeAsync(call, "Ada"));
        Task shutdown = server.ShutdownAsync(TimeSpan.FromSeconds(10));
        await wire.SeenAsync("the second GOAWAY", Frame.IsGoAway, count: 2);
        notes.AddRange([new Note(Frame.IsGoAway, "(the server is told to shut down)"), .. await ExchangeAsync(call, "Grace")]);
        await call.RequestStream.CompleteAsync();
        await call.ResponseStream.MoveNext();
        await WireLog.BoundedAsync(shutdown, "the server's end");

        notes.AddRange([s_halfClose, s_statusOk]);
        page.Chapter(
            "The server shuts down",
            "RFC 9113 section 6.8 · src/MiniGrpc.Wire/Connection/Http2Connection.cs",
            "A call is under way when the server is asked to stop. It says GOAWAY twice. The first names the highest stream there can "
                + "be: open no more, but what is on its way is still welcome. A PING follows; when its answer is back, the client "
                + "must have seen that GOAWAY, and nothing new can be on its way. So the second GOAWAY can name the last stream that "
                + "counts. The call goes on to its end; then the connection closes.");
        page.Frames(await UntilAsync("the trailers", Frame.IsTrailers), notes);
    }

    public void Close() => page.Title(
        "The end",
        "To see the frames of your own program, set WireTrace in MiniChannelOptions or GrpcServerOptions to Console.WriteLine. The "
            + "code of this tour is in samples/Tour; the code that does the work is named below each heading.");

    /// <summary>Waits for the frame that a call ends with, and takes what has crossed the wire so far.</summary>
    private async Task<IReadOnlyList<Frame>> UntilAsync(string what, Func<Frame, bool> isOne)
    {
        await wire.SeenAsync(what, isOne);
        return wire.Take();
    }

    private static Note[] Unary(string name, HelloReply reply) =>
        [s_callsSayHello, new Note(Frame.IsRequest, Sends(name)), new Note(Frame.IsReply, Gets(reply)), s_statusOk];

    /// <summary>Sends a request and reads the reply to it.</summary>
    private static async Task<Note[]> ExchangeAsync(AsyncDuplexStreamingCall<HelloRequest, HelloReply> call, string name)
    {
        await call.RequestStream.WriteAsync(new HelloRequest { Name = name });
        await call.ResponseStream.MoveNext();
        return [new Note(Frame.IsRequest, Sends(name)), new Note(Frame.IsReply, Gets(call.ResponseStream.Current))];
    }

    private static async Task<string> StatusOfAsync(AsyncUnaryCall<HelloReply> call)
    {
        try
        {
            await call;
            return "status OK";
        }
        catch (RpcException e)
        {
            return $"status {e.StatusCode}: {e.Status.Detail}";
        }
    }

    private static string Sends(string name) => $"sends \"{name}\"";

    private static string Gets(HelloReply reply) => $"gets \"{reply.Message}\"";
}
