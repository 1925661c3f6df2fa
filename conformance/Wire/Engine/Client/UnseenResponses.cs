using Grpc.Core;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <summary>Calls whose caller looks at no response, only at the status, or at nothing: that is no exception that somebody has overlooked.</summary>
public class UnseenResponses
{
    private const string Retry = """
        {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "1s", "maxBackoff": "1s", "backoffMultiplier": 1,
          "retryableStatusCodes": ["UNAVAILABLE"]}}]}
        """;

    /// <summary>
    /// The event is the whole program's: exceptions of other tests don't count. It comes for a task that has failed and was collected, from
    /// its finalizer: when that has run and there was none, there is none.
    /// </summary>
    [Theory]
    [InlineData("{}", false)]
    [InlineData("{}", true)]
    [InlineData(Retry, false)]
    [InlineData(Retry, true)]
    public async Task One_that_has_failed_is_no_unobserved_exception(string serviceConfig, bool streaming)
    {
        string detail = Guid.NewGuid().ToString();
        bool wasRaised = false;
        TaskScheduler.UnobservedTaskException += OnUnobserved;
        try
        {
            await using TestChannel client = new(options => options.ServiceConfig = ServiceConfig.Parse(serviceConfig));
            RawServer? server = null;
            WeakReference response = streaming ? await CollectAsync() : await UnaryAsync();
            await client.AssertWorksAsync(server!, 3);
            await Eventually.IsCollectedAsync(response, "the response");
            GC.Collect();
            GC.WaitForPendingFinalizers();
            Assert.False(wasRaised);

            async Task<WeakReference> UnaryAsync()
            {
                using AsyncUnaryCall<byte[]> call = client.Unary([1]);
                await FailAsync(call.GetStatus);
                return new WeakReference(call.ResponseAsync);
            }

            async Task<WeakReference> CollectAsync()
            {
                using AsyncClientStreamingCall<byte[], byte[]> call = client.Collect();
                await FailAsync(call.GetStatus);
                return new WeakReference(call.ResponseAsync);
            }

            async Task FailAsync(Func<Status> status)
            {
                server = await client.StartAsync();
                await server.ExpectAsync(FrameType.Headers, 1);
                await server.HeadersAsync(1, endStream: true, [.. RawServer.Headers200, "grpc-status=9", $"grpc-message={detail}"]);
                await Eventually.IsTrueAsync(() => HasEnded(status), "the call to end");
                Assert.Equal((StatusCode.FailedPrecondition, detail), (status().StatusCode, status().Detail));
            }
        }
        finally
        {
            TaskScheduler.UnobservedTaskException -= OnUnobserved;
        }

        void OnUnobserved(object? sender, UnobservedTaskExceptionEventArgs arguments) =>
            wasRaised |= arguments.Exception.Flatten().InnerExceptions.Any(e => e is RpcException rpc && rpc.Status.Detail == detail);
    }

    private static bool HasEnded(Func<Status> status)
    {
        try
        {
            status();
            return true;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }
}
