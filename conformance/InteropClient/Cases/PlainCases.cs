using Grpc.Core;
using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>The four kinds of call with nothing special about them.</summary>
internal static class PlainCases
{
    public static async Task EmptyUnaryAsync(InteropRun run)
    {
        Empty response = await run.Client.EmptyCallAsync(new Empty()).ResponseAsync.WaitAsync(InteropRun.Patience);
        Expect.Equal(0, response.CalculateSize(), "the size of the response");
    }

    /// <summary>Two identical calls have identical answers. Marked as cacheable for the proxies of those who have some.</summary>
    public static async Task CacheableUnaryAsync(InteropRun run)
    {
        var request = new SimpleRequest { Payload = new Payload { Body = Google.Protobuf.ByteString.CopyFromUtf8($"{DateTime.UtcNow.Ticks}") } };
        var headers = new Metadata { { "x-user-ip", "1.2.3.4" } };
        SimpleResponse first = await run.Client.CacheableUnaryCallAsync(request, headers).ResponseAsync.WaitAsync(InteropRun.Patience);
        SimpleResponse second = await run.Client.CacheableUnaryCallAsync(request, headers).ResponseAsync.WaitAsync(InteropRun.Patience);
        Expect.Equal(first, second, "the answer to the same request");
    }

    public static async Task LargeUnaryAsync(InteropRun run)
    {
        SimpleResponse response = await run.Client.UnaryCallAsync(Messages.Large()).ResponseAsync.WaitAsync(InteropRun.Patience);
        Messages.ExpectZeros(response.Payload, Messages.LargeResponse, "the response");
    }

    public static async Task ClientStreamingAsync(InteropRun run)
    {
        using AsyncClientStreamingCall<StreamingInputCallRequest, StreamingInputCallResponse> call = run.Client.StreamingInputCall();
        foreach (int size in Messages.RequestSizes)
        {
            await call.RequestStream.WriteAsync(Messages.Input(size));
        }

        await call.RequestStream.CompleteAsync();
        StreamingInputCallResponse response = await call.ResponseAsync.WaitAsync(InteropRun.Patience);
        Expect.Equal(Messages.RequestSizes.Sum(), response.AggregatedPayloadSize, "the sum of the sizes");
    }

    public static async Task ServerStreamingAsync(InteropRun run)
    {
        var request = new StreamingOutputCallRequest();
        request.ResponseParameters.AddRange(Messages.ResponseSizes.Select(size => new ResponseParameters { Size = size }));
        using AsyncServerStreamingCall<StreamingOutputCallResponse> call = run.Client.StreamingOutputCall(request);
        foreach (int size in Messages.ResponseSizes)
        {
            StreamingOutputCallResponse response = await Expect.NextAsync(call.ResponseStream, $"the response of {size} bytes");
            Messages.ExpectZeros(response.Payload, size, "a response");
        }

        await Expect.NothingMoreAsync(call.ResponseStream);
    }

    public static async Task PingPongAsync(InteropRun run)
    {
        using AsyncDuplexStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse> call = run.Client.FullDuplexCall();
        foreach ((int up, int down) in Messages.RequestSizes.Zip(Messages.ResponseSizes))
        {
            await call.RequestStream.WriteAsync(Messages.Output(down, up));
            StreamingOutputCallResponse response = await Expect.NextAsync(call.ResponseStream, $"the response of {down} bytes");
            Messages.ExpectZeros(response.Payload, down, "a response");
        }

        await call.RequestStream.CompleteAsync();
        await Expect.NothingMoreAsync(call.ResponseStream);
    }

    public static async Task EmptyStreamAsync(InteropRun run)
    {
        using AsyncDuplexStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse> call = run.Client.FullDuplexCall();
        await call.RequestStream.CompleteAsync();
        await Expect.NothingMoreAsync(call.ResponseStream);
    }

    /// <summary>A thousand large calls at once on one channel.</summary>
    public static async Task ConcurrentLargeUnaryAsync(InteropRun run)
    {
        SimpleRequest request = Messages.Large();
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => CallAsync())).WaitAsync(InteropRun.Patience);

        async Task CallAsync()
        {
            SimpleResponse response = await run.Client.UnaryCallAsync(request);
            Messages.ExpectZeros(response.Payload, Messages.LargeResponse, "a response");
        }
    }

    /// <summary>All calls of a channel reach the same server.</summary>
    public static async Task PickFirstUnaryAsync(InteropRun run)
    {
        string? server = null;
        for (int i = 0; i < 100; i++)
        {
            SimpleResponse response = await run.Client.UnaryCallAsync(new SimpleRequest { ResponseSize = 1, Payload = Messages.Zeros(1), FillServerId = true })
                .ResponseAsync.WaitAsync(InteropRun.Patience);
            Expect.True(response.ServerId.Length > 0, "the server does not say who it is.");
            server ??= response.ServerId;
            Expect.Equal(server, response.ServerId, "the server of a later call");
        }
    }
}
