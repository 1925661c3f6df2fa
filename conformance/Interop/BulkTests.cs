using System.Security.Cryptography;
using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>100 MiB on one stream, in messages of 64 KiB: many times every window and every buffer.</summary>
[Collection(nameof(HeavyCollection))]
public sealed class BulkTests
{
    private const int MessageSize = 64 << 10;
    private const int Messages = (100 << 20) / MessageSize;

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task One_hundred_mebibytes_go_down_one_stream(Pair pair)
    {
        await using Session session = await pair.ConnectAsync();
        Request request = new() { Answer = new Answer { Count = Messages, Size = MessageSize } };
        using AsyncServerStreamingCall<Response> call = session.Client.ServerStreaming(request);

        Assert.Equal(Messages, await ReadPatternAsync(call.ResponseStream).WithinLimit());
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task One_hundred_mebibytes_go_up_one_stream(Pair pair)
    {
        pair.SkipIfItLosesUploads(Messages * MessageSize);
        await using Session session = await pair.ConnectAsync();
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using AsyncClientStreamingCall<Request, Response> call = session.Client.ClientStreaming();

        for (int n = 0; n < Messages; n++)
        {
            ByteString payload = Pattern.Bytes(MessageSize, n);
            hash.AppendData(payload.Span);
            await call.RequestStream.WriteAsync(new Request { Payload = payload }).WithinLimit();
        }

        await call.RequestStream.CompleteAsync().WithinLimit();
        Response response = await call.ResponseAsync.WithinLimit();
        Assert.Equal(Messages, response.Received);
        Assert.Equal(hash.GetHashAndReset(), response.ReceivedSha256.ToByteArray());
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task One_hundred_mebibytes_go_both_ways_on_one_stream(Pair pair)
    {
        pair.SkipIfItLosesUploads(Messages * MessageSize);
        await using Session session = await pair.ConnectAsync();
        using AsyncDuplexStreamingCall<Request, Response> call = session.Client.Bidi();

        Task<int> read = ReadPatternAsync(call.ResponseStream);
        for (int n = 0; n < Messages; n++)
        {
            await call.RequestStream.WriteAsync(new Request { Payload = Pattern.Bytes(MessageSize, n) }).WithinLimit();
        }

        await call.RequestStream.CompleteAsync().WithinLimit();
        Assert.Equal(Messages, await read.WithinLimit());
    }

    private static async Task<int> ReadPatternAsync(IAsyncStreamReader<Response> responses)
    {
        int n = 0;
        await foreach (Response response in responses.ReadAllAsync())
        {
            Pattern.AssertIs(MessageSize, n++, response.Payload);
        }

        return n;
    }
}
