using System.Threading.Channels;
using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>A health service (grpc.health.v1.Health) whose answers a test gives octet by octet.</summary>
internal sealed class HandHealth
{
    /// <summary>HealthCheckResponse with status SERVING.</summary>
    public static readonly byte[] Serving = [0x08, 1];

    /// <summary>HealthCheckResponse with status NOT_SERVING.</summary>
    public static readonly byte[] NotServing = [0x08, 2];

    private static readonly Marshaller<byte[]> s_octets = Marshallers.Create(octets => octets, octets => octets);
    private static readonly Method<byte[], byte[]> s_watch = new(MethodType.ServerStreaming, "grpc.health.v1.Health", "Watch", s_octets, s_octets);

    private readonly Channel<HandWatch> _watches = Channel.CreateUnbounded<HandWatch>();

    /// <summary>How many calls of Watch have come that no test has looked at.</summary>
    public int Unseen => _watches.Reader.Count;

    public ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder().AddMethod(s_watch, async (request, responses, context) =>
    {
        var watch = new HandWatch(request, responses, context);
        await _watches.Writer.WriteAsync(watch);
        await watch.UntilEndedAsync();
    }).Build();

    /// <summary>The next call of Watch.</summary>
    public Task<HandWatch> NextAsync() => RawPeer.Within(_watches.Reader.ReadAsync().AsTask(), "the channel to ask for the health");

    /// <summary>The next call of Watch, answered with a status that the channel has taken note of.</summary>
    public async Task<HandWatch> NextAsync(byte[] answer)
    {
        HandWatch watch = await NextAsync();
        await watch.SayAsync(answer);
        return watch;
    }
}

/// <summary>One call of Watch.</summary>
internal sealed class HandWatch(byte[] request, IServerStreamWriter<byte[]> responses, ServerCallContext context)
{
    private readonly TaskCompletionSource _end = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public byte[] Request => request;

    public Metadata Headers => context.RequestHeaders;

    /// <summary>Completes when the channel has cancelled it.</summary>
    public Task CancelledAsync() => RawPeer.Within(_cancelled.Task, "the channel to cancel the call");

    public Task SayAsync(byte[] answer) => RawPeer.Within(responses.WriteAsync(answer), "a status to be sent");

    public void End(Status status = default)
    {
        if (status.StatusCode == StatusCode.OK)
        {
            _end.SetResult();
        }
        else
        {
            _end.SetException(new RpcException(status));
        }
    }

    public async Task UntilEndedAsync()
    {
        await using (context.CancellationToken.Register(() =>
        {
            _cancelled.TrySetResult();
            _end.TrySetResult();
        }))
        {
            await _end.Task;
        }
    }
}

/// <summary>The health service of a server that is driven by hand.</summary>
internal static class RawHealth
{
    /// <summary>The next call is one of Watch, and is told that the server serves.</summary>
    public static async Task SayServingAsync(this RawServer server, int id)
    {
        Assert.Equal("/grpc.health.v1.Health/Watch", (await server.RequestAsync(id)).Head[":path"]);
        await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
        await server.DataAsync(id, RawClient.Message(HandHealth.Serving));
    }
}
