using Grpc.Core;
using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>Which messages are compressed is what was asked for, both ways.</summary>
internal static class CompressionCases
{
    private static readonly BoolValue s_yes = new() { Value = true };
    private static readonly BoolValue s_no = new() { Value = false };

    public static async Task ClientCompressedUnaryAsync(InteropRun run)
    {
        SimpleRequest request = Messages.Large();
        request.ExpectCompressed = s_yes;
        await Expect.FailsAsync(run.Client.UnaryCallAsync(request).ResponseAsync, StatusCode.InvalidArgument); // the probe: it is not compressed
        SimpleResponse response = await run.Compressing.UnaryCallAsync(request).ResponseAsync.WaitAsync(InteropRun.Patience);
        Messages.ExpectZeros(response.Payload, Messages.LargeResponse, "the response to the compressed request");
        request.ExpectCompressed = s_no;
        response = await run.Client.UnaryCallAsync(request).ResponseAsync.WaitAsync(InteropRun.Patience);
        Messages.ExpectZeros(response.Payload, Messages.LargeResponse, "the response to the plain request");
    }

    public static async Task ServerCompressedUnaryAsync(InteropRun run)
    {
        foreach (BoolValue compressed in new[] { s_yes, s_no })
        {
            SimpleRequest request = Messages.Large();
            request.ResponseCompressed = compressed;
            int before = run.Channel.CompressedResponses;
            SimpleResponse response = await run.Client.UnaryCallAsync(request).ResponseAsync.WaitAsync(InteropRun.Patience);
            Messages.ExpectZeros(response.Payload, Messages.LargeResponse, "the response");
            Expect.Equal(compressed.Value ? 1 : 0, run.Channel.CompressedResponses - before, $"responses that came compressed where compressed = {compressed.Value} was asked for");
        }
    }

    public static async Task ClientCompressedStreamingAsync(InteropRun run)
    {
        using (AsyncClientStreamingCall<StreamingInputCallRequest, StreamingInputCallResponse> probe = run.Client.StreamingInputCall())
        {
            await WriteUnlessEndedAsync(probe.RequestStream, Expecting(27_182, s_yes));
            await Expect.FailsAsync(probe.ResponseAsync, StatusCode.InvalidArgument);
        }

        using AsyncClientStreamingCall<StreamingInputCallRequest, StreamingInputCallResponse> call = run.Compressing.StreamingInputCall();
        await call.RequestStream.WriteAsync(Expecting(27_182, s_yes));
        call.RequestStream.WriteOptions = new WriteOptions(WriteFlags.NoCompress);
        await call.RequestStream.WriteAsync(Expecting(45_904, s_no));
        await call.RequestStream.CompleteAsync();
        StreamingInputCallResponse response = await call.ResponseAsync.WaitAsync(InteropRun.Patience);
        Expect.Equal(73_086, response.AggregatedPayloadSize, "the sum of the sizes");
    }

    public static async Task ServerCompressedStreamingAsync(InteropRun run)
    {
        (int Size, BoolValue Compressed)[] expected = [(31_415, s_yes), (92_653, s_no)];
        var request = new StreamingOutputCallRequest();
        request.ResponseParameters.AddRange(expected.Select(each => new ResponseParameters { Size = each.Size, Compressed = each.Compressed }));
        using AsyncServerStreamingCall<StreamingOutputCallResponse> call = run.Client.StreamingOutputCall(request);
        foreach ((int size, BoolValue compressed) in expected)
        {
            int before = run.Channel.CompressedResponses;
            StreamingOutputCallResponse response = await Expect.NextAsync(call.ResponseStream, $"the response of {size} bytes");
            Messages.ExpectZeros(response.Payload, size, "a response");
            Expect.Equal(compressed.Value ? 1 : 0, run.Channel.CompressedResponses - before, $"whether the response of {size} bytes came compressed");
        }

        await Expect.NothingMoreAsync(call.ResponseStream);
    }

    private static StreamingInputCallRequest Expecting(int size, BoolValue compressed) => new() { Payload = Messages.Zeros(size), ExpectCompressed = compressed };

    /// <summary>The server may have ended the call before the write is over; the end says why.</summary>
    private static async Task WriteUnlessEndedAsync(IClientStreamWriter<StreamingInputCallRequest> requests, StreamingInputCallRequest request)
    {
        try
        {
            await requests.WriteAsync(request);
            await requests.CompleteAsync();
        }
        catch (Exception e) when (e is RpcException or InvalidOperationException)
        {
            // What follows looks at the end of the call.
        }
    }
}
