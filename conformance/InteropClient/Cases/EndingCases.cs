using Grpc.Core;
using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>Calls that end before their time.</summary>
internal static class EndingCases
{
    public static async Task CancelAfterBeginAsync(InteropRun run)
    {
        using var source = new CancellationTokenSource();
        using AsyncClientStreamingCall<StreamingInputCallRequest, StreamingInputCallResponse> call = run.Client.StreamingInputCall(cancellationToken: source.Token);
        await source.CancelAsync();
        await Expect.FailsAsync(call.ResponseAsync, StatusCode.Cancelled);
    }

    public static async Task CancelAfterFirstResponseAsync(InteropRun run)
    {
        using var source = new CancellationTokenSource();
        using AsyncDuplexStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse> call = run.Client.FullDuplexCall(cancellationToken: source.Token);
        await call.RequestStream.WriteAsync(Messages.Output(31_415, 27_182));
        StreamingOutputCallResponse response = await Expect.NextAsync(call.ResponseStream, "the first response");
        Messages.ExpectZeros(response.Payload, 31_415, "the first response");
        await source.CancelAsync();
        await Expect.FailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Cancelled);
    }

    public static async Task TimeoutOnSleepingServerAsync(InteropRun run)
    {
        using AsyncDuplexStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse> call =
            run.Client.FullDuplexCall(deadline: DateTime.UtcNow.AddMilliseconds(1));
        try
        {
            await call.RequestStream.WriteAsync(new StreamingOutputCallRequest { Payload = Messages.Zeros(27_182) });
        }
        catch (Exception e) when (e is RpcException { StatusCode: StatusCode.DeadlineExceeded } or InvalidOperationException)
        {
            // The deadline may be over before the request is written.
        }

        await Expect.FailsAsync(call.ResponseStream.MoveNext(CancellationToken.None), StatusCode.DeadlineExceeded);
    }
}
