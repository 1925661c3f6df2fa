using System.IO.Compression;
using Grpc.Core;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>
/// Responses whose header lists or trailers are the same, octet for octet (fast path 5 of docs/design.md): each caller gets what its own
/// response says, as the first one did.
/// </summary>
public class RepeatedResponses
{
    /// <summary>The first time a block is decoded, the second time it is kept with what was made of it, and then both are found again.</summary>
    private const int Times = 5;

    private static readonly string[] s_ok = ["grpc-status=0"];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_plain_response_is_known_by_its_blocks(bool inserts)
    {
        await using Scene scene = await Scene.StartAsync(inserts);
        for (int i = 0; i < Times; i++)
        {
            Outcome outcome = await scene.CallAsync(RawServer.Headers200, s_ok);
            Assert.Equal((StatusCode.OK, ""), (outcome.Status.StatusCode, outcome.Status.Detail));
            Assert.Equal([7], outcome.Response);
            Assert.Empty(outcome.Headers);
            Assert.Empty(outcome.Trailers);
        }

        Assert.Equal(2, scene.Known.Count(block => block.Reading is not null));
        await scene.AssertQuietAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Every_caller_sees_the_metadata_of_its_own_response(bool inserts)
    {
        await using Scene scene = await Scene.StartAsync(inserts);
        string[][] metadata = [[], ["key=1"], ["key=2", "other=3"]];
        for (int i = 0; i < Times * metadata.Length; i++)
        {
            string[] headers = metadata[i % metadata.Length];
            string[] trailers = metadata[(i + 1) % metadata.Length];
            Outcome outcome = await scene.CallAsync([.. RawServer.Headers200, .. headers], [.. s_ok, .. trailers]);
            Assert.Equal(headers, outcome.Headers);
            Assert.Equal(trailers, outcome.Trailers);
        }
    }

    [Theory]
    [InlineData("5", "", StatusCode.NotFound)]
    [InlineData("5", "no such thing", StatusCode.NotFound)]
    [InlineData("0", "fine", StatusCode.OK)]
    [InlineData("x", "", StatusCode.Unknown)]
    public async Task Every_caller_gets_the_status_of_its_own_response(string status, string message, StatusCode expected)
    {
        await using Scene scene = await Scene.StartAsync();
        string[] trailers = message.Length == 0 ? [$"grpc-status={status}"] : [$"grpc-status={status}", $"grpc-message={message}"];
        for (int i = 0; i < Times; i++)
        {
            Outcome outcome = await scene.CallAsync(RawServer.Headers200, trailers);
            Assert.Equal(expected, outcome.Status.StatusCode);
            Assert.True(status == "x" || outcome.Status.Detail == message, $"'{outcome.Status.Detail}' instead of '{message}'");
            Assert.Equal(StatusCode.OK, (await scene.CallAsync(RawServer.Headers200, s_ok)).Status.StatusCode);
        }
    }

    /// <summary>compression.md: the messages of a response are in the encoding that its own header list names.</summary>
    [Fact]
    public async Task An_encoding_holds_for_every_response()
    {
        await using Scene scene = await Scene.StartAsync();
        var zipped = new MemoryStream();
        using (var gzip = new GZipStream(zipped, CompressionLevel.Fastest))
        {
            gzip.Write([1, 2, 3]);
        }

        byte[] data = [1, 0, 0, 0, (byte)zipped.ToArray().Length, .. zipped.ToArray()];
        for (int i = 0; i < Times; i++)
        {
            Assert.Equal([1, 2, 3], (await scene.CallAsync([.. RawServer.Headers200, "grpc-encoding=gzip"], s_ok, data)).Response);
            Assert.Equal(StatusCode.Internal, (await scene.CallAsync(RawServer.Headers200, s_ok, data)).Status.StatusCode);
        }
    }

    /// <summary>gRPC over HTTP/2, Responses: a header list that ends the stream is Trailers-Only, and has to say a status, whatever it was before.</summary>
    [Fact]
    public async Task A_known_header_list_that_ends_the_stream_is_trailers_only()
    {
        await using Scene scene = await Scene.StartAsync();
        string[] both = [.. RawServer.Headers200, .. s_ok];
        for (int i = 0; i < Times; i++)
        {
            Assert.Equal(StatusCode.OK, (await scene.CallAsync(RawServer.Headers200, s_ok)).Status.StatusCode);
            Status alone = (await scene.CallAsync(RawServer.Headers200, trailers: null)).Status;
            Assert.Equal((StatusCode.Unknown, "The response ended without a grpc-status."), (alone.StatusCode, alone.Detail));

            // Status OK without a response, where one is due; and then the same block at the start of a whole one.
            Assert.Equal(StatusCode.Internal, (await scene.CallAsync(both, trailers: null)).Status.StatusCode);
            Assert.Equal([7], (await scene.CallAsync(both, s_ok)).Response);
        }
    }

    [Theory]
    [InlineData("503", "application/grpc", StatusCode.Unavailable)]
    [InlineData("200", "text/html", StatusCode.Unknown)]
    public async Task What_is_no_grpc_is_told_each_time(string status, string type, StatusCode expected)
    {
        await using Scene scene = await Scene.StartAsync();
        for (int i = 0; i < Times; i++)
        {
            Assert.Equal(expected, (await scene.CallAsync([$":status={status}", $"content-type={type}"], trailers: null)).Status.StatusCode);
            Assert.Equal(StatusCode.OK, (await scene.CallAsync(RawServer.Headers200, s_ok)).Status.StatusCode);
        }
    }

    /// <summary>RFC 9113 section 8.1.1: content-length is held against the DATA of each stream.</summary>
    [Fact]
    public async Task A_content_length_is_checked_each_time()
    {
        await using Scene scene = await Scene.StartAsync();
        string[] head = [.. RawServer.Headers200, "content-length=6"];
        for (int i = 0; i < Times; i++)
        {
            Assert.Equal([7], (await scene.CallAsync(head, s_ok)).Response);
            Status status = (await scene.CallAsync(head, s_ok, RawClient.Message(7, 8))).Status;
            Assert.Equal(StatusCode.Internal, status.StatusCode);
            Assert.Contains("section 8.1.1", status.Detail, StringComparison.Ordinal);
        }
    }

    /// <summary>How a call has ended for its caller.</summary>
    private sealed record Outcome(Status Status, byte[]? Response, string[] Headers, string[] Trailers);

    private sealed class Scene(TestChannel channel, RawServer server) : IAsyncDisposable
    {
        private int _nextId = 3;

        public List<RepeatedBlock> Known => Internals.KnownBlocksOf(Internals.ReadyConnectionOf(channel.Channel)!);

        public static async Task<Scene> StartAsync(bool inserts = false)
        {
            var channel = new TestChannel(options => options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest)));
            using AsyncUnaryCall<byte[]> first = channel.Unary([1]);
            RawServer server = await channel.StartAsync();
            server.Indexing = inserts ? Indexing.Incremental : Indexing.Without;
            await server.RequestAsync(1);
            await server.ReplyAsync(1, 1);
            await RawPeer.Within(first.ResponseAsync, "the first response");
            return new Scene(channel, server);
        }

        /// <summary>A call with such an answer; without <paramref name="trailers"/> its header list is all.</summary>
        public async Task<Outcome> CallAsync(string[] headers, string[]? trailers, byte[]? data = null)
        {
            int id = _nextId;
            _nextId += 2;
            using AsyncUnaryCall<byte[]> call = channel.Unary([1]);
            await server.RequestAsync(id);
            await server.HeadersAsync(id, endStream: trailers is null, headers);
            if (trailers is not null)
            {
                await server.DataAsync(id, data ?? RawClient.Message(7));
                await server.HeadersAsync(id, endStream: true, trailers);
            }

            await RawPeer.Within(Task.WhenAny(call.ResponseAsync), "the call to end");
            bool succeeded = call.ResponseAsync.IsCompletedSuccessfully;
            return new Outcome(
                call.GetStatus(),
                succeeded ? await call.ResponseAsync : null,
                succeeded ? Text(await call.ResponseHeadersAsync) : [],
                Text(call.GetTrailers()));
        }

        public Task AssertQuietAsync() => channel.AssertQuietAsync(server);

        public ValueTask DisposeAsync() => channel.DisposeAsync();

        private static string[] Text(Metadata metadata) => [.. metadata.Select(entry => $"{entry.Key}={entry.Value}")];
    }
}
