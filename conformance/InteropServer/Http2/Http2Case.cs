using Google.Protobuf;
using Grpc.Testing;

using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.InteropServer.Http2;

/// <summary>
/// The server's part in the negative HTTP/2 cases: it answers every call as large_unary expects, but for what the case is about. The
/// client's part is a case of the interoperability clients of the same name.
/// </summary>
/// <param name="Name">What it is called.</param>
/// <param name="RespondAsync">Answers one call.</param>
/// <param name="MaxConcurrentStreams">What the client is allowed; null for as many as it likes.</param>
internal sealed record Http2Case(string Name, Func<ScriptedConnection, int, Task> RespondAsync, int? MaxConcurrentStreams = null)
{
    private const int LargeResponse = 314_159;
    private const int FrameSize = 16_384;
    private const int SmallPiece = 5;
    private const int FirstStream = 1;

    private static readonly (string, string)[] s_headers = [(":status", "200"), ("content-type", "application/grpc")];
    private static readonly (string, string)[] s_trailers = [("grpc-status", "0")];

    public static IReadOnlyList<Http2Case> All { get; } =
    [
        new("goaway", RespondAndLeaveAsync),
        new("rst_after_header", ResetAfterHeaderAsync),
        new("rst_during_data", ResetDuringDataAsync),
        new("rst_after_data", ResetAfterDataAsync),
        new("ping", PingAsync),
        new("max_streams", OneAtATimeAsync, MaxConcurrentStreams: 1),
        new("data_frame_padding", (connection, id) => InPiecesAsync(connection, id, padding: 255)),
        new("no_df_padding_sanity", (connection, id) => InPiecesAsync(connection, id, padding: null)),
    ];

    /// <summary>Serves one connection to its end.</summary>
    public async Task ServeAsync(ITransport transport)
    {
        using var connection = new ScriptedConnection(transport);
        var calls = new List<Task>();
        try
        {
            if (await transport.OpenAsync() is { } failure)
            {
                throw new IOException(failure.Reason, failure.Exception);
            }

            await connection.RunAsync(MaxConcurrentStreams, id => calls.Add(RespondAsync(connection, id)));
        }
        finally
        {
            await transport.DisposeAsync();
        }
    }

    public override string ToString() => Name;

    private static async Task RespondAndLeaveAsync(ScriptedConnection connection, int id)
    {
        if (id > FirstStream)
        {
            return; // beyond what GOAWAY named: whoever stays on this connection waits in vain
        }

        await RespondAsAskedAsync(connection, id);
        await connection.SendAsync(output => GoAwayFrame.Write(output, id, ErrorCode.NoError));
    }

    private static async Task ResetAfterHeaderAsync(ScriptedConnection connection, int id)
    {
        await connection.SendHeadersAsync(id, endStream: false, s_headers);
        await connection.SendResetAsync(id, ErrorCode.NoError);
    }

    private static async Task ResetDuringDataAsync(ScriptedConnection connection, int id)
    {
        await connection.SendHeadersAsync(id, endStream: false, s_headers);
        await connection.SendDataAsync(id, Message()[..FrameSize]);
        await connection.SendResetAsync(id, ErrorCode.NoError);
    }

    private static async Task ResetAfterDataAsync(ScriptedConnection connection, int id)
    {
        await connection.SendHeadersAsync(id, endStream: false, s_headers);
        await SendMessageAsync(connection, id, FrameSize, padding: null);
        await connection.SendResetAsync(id, ErrorCode.NoError);
    }

    /// <summary>A PING before, after and between all frames; the trailers wait for the answers.</summary>
    private static async Task PingAsync(ScriptedConnection connection, int id)
    {
        await connection.SendPingAsync();
        await connection.SendHeadersAsync(id, endStream: false, s_headers);
        ReadOnlyMemory<byte> message = Message();
        for (int at = 0; at < message.Length; at += FrameSize)
        {
            await connection.SendPingAsync();
            await connection.SendDataAsync(id, message[at..Math.Min(message.Length, at + FrameSize)]);
        }

        await connection.SendPingAsync();
        await connection.WaitForAnswersAsync();
        await connection.SendHeadersAsync(id, endStream: true, s_trailers);
        await connection.SendPingAsync();
    }

    private static Task OneAtATimeAsync(ScriptedConnection connection, int id) => connection.OpenStreams > 1
        ? connection.SendResetAsync(id, ErrorCode.ProtocolError) // it was told that there may be one
        : RespondAsAskedAsync(connection, id);

    private static async Task InPiecesAsync(ScriptedConnection connection, int id, byte? padding)
    {
        await connection.SendHeadersAsync(id, endStream: false, s_headers);
        await SendMessageAsync(connection, id, SmallPiece, padding);
        await connection.SendHeadersAsync(id, endStream: true, s_trailers);
    }

    private static async Task RespondAsAskedAsync(ScriptedConnection connection, int id)
    {
        await connection.SendHeadersAsync(id, endStream: false, s_headers);
        await SendMessageAsync(connection, id, FrameSize, padding: null);
        await connection.SendHeadersAsync(id, endStream: true, s_trailers);
    }

    private static async Task SendMessageAsync(ScriptedConnection connection, int id, int pieceSize, byte? padding)
    {
        ReadOnlyMemory<byte> message = Message();
        for (int at = 0; at < message.Length; at += pieceSize)
        {
            await connection.SendDataAsync(id, message[at..Math.Min(message.Length, at + pieceSize)], padding);
        }
    }

    /// <summary>The response of large_unary, with its prefix.</summary>
    private static ReadOnlyMemory<byte> Message()
    {
        var response = new SimpleResponse { Payload = new Payload { Body = UnsafeByteOperations.UnsafeWrap(new byte[LargeResponse]) } };
        byte[] message = new byte[MessagePrefix.Size + response.CalculateSize()];
        MessagePrefix.Write(message, false, message.Length - MessagePrefix.Size);
        response.WriteTo(message.AsSpan(MessagePrefix.Size));
        return message;
    }
}
