using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>What flows with a caller (<see cref="AsyncLocal{T}"/>, and so the current activity) goes where the caller's own code goes on, and nowhere else.</summary>
public class AmbientValues
{
    private static readonly AsyncLocal<string?> s_ambient = new();
    private static readonly AsyncLocal<object?> s_object = new();

    [Fact]
    public async Task A_handler_sees_nothing_of_whoever_started_the_server_or_opened_the_connection()
    {
        string? seen = "not called";
        s_ambient.Value = "who starts the server";
        await using GrpcServer server = EchoService.CreateServer("http://127.0.0.1:0", EchoService.Bind((request, _) =>
        {
            seen = s_ambient.Value;
            s_ambient.Value = "a handler";
            return Task.FromResult(request);
        }));
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForAddress($"http://127.0.0.1:{server.Ports[0]}");
        CallInvoker invoker = channel.CreateCallInvoker();
        for (int i = 0; i < 5; i++)
        {
            s_ambient.Value = $"caller {i}";
            await invoker.AsyncUnaryCall(EchoService.Unary, null, default, [1]);
            Assert.Null(seen);
            Assert.Equal($"caller {i}", s_ambient.Value);
        }
    }

    [Fact]
    public async Task A_channel_keeps_nothing_of_the_caller_that_had_it_connect()
    {
        await using GrpcServer server = EchoService.CreateServer("http://127.0.0.1:0");
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForAddress($"http://127.0.0.1:{server.Ports[0]}");
        WeakReference<object> value = await CallWithAsync(channel.CreateCallInvoker());
        for (int i = 0; i < 10 && value.TryGetTarget(out _); i++)
        {
            // The pool may still hold the caller's context for a moment; a call takes it through one turn.
            await channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, default, [2]);
            GC.Collect();
        }

        Assert.False(value.TryGetTarget(out _), "the connection holds the value");
    }

    private static async Task<WeakReference<object>> CallWithAsync(CallInvoker invoker)
    {
        object value = new();
        s_object.Value = value;
        await invoker.AsyncUnaryCall(EchoService.Unary, null, default, [1]);
        s_object.Value = null;
        return new WeakReference<object>(value);
    }
}
