using Grpc.Core;
using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>The client's part in the negative HTTP/2 cases.</summary>
internal static class Http2Cases
{
    /// <summary>The server says goodbye after the first call; the second one gets a connection of its own.</summary>
    public static async Task GoAwayAsync(InteropRun run)
    {
        await PlainCases.LargeUnaryAsync(run);
        await Task.Delay(TimeSpan.FromSeconds(1)); // the case's own wait, in which the GOAWAY arrives
        await PlainCases.LargeUnaryAsync(run);
    }

    /// <summary>A stream that is reset before the trailers is a failed call, whatever has come before. NO_ERROR, which a server may send after them, maps to INTERNAL.</summary>
    public static Task FailsAsync(InteropRun run) =>
        Expect.FailsAsync(run.Client.UnaryCallAsync(Messages.Large()).ResponseAsync, StatusCode.Internal);

    /// <summary>The server takes one call at a time: the others wait.</summary>
    public static async Task MaxStreamsAsync(InteropRun run)
    {
        await PlainCases.LargeUnaryAsync(run);
        Task<SimpleResponse>[] calls = [.. Enumerable.Range(0, 10).Select(_ => run.Client.UnaryCallAsync(Messages.Large()).ResponseAsync)];
        foreach (SimpleResponse response in await Task.WhenAll(calls).WaitAsync(InteropRun.Patience))
        {
            Messages.ExpectZeros(response.Payload, Messages.LargeResponse, "a response");
        }
    }
}
