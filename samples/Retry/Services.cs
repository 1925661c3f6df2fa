using System.Globalization;

using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;

namespace MiniGrpc.Samples.Retry;

/// <summary>Refuses the first two attempts.</summary>
internal sealed class UnavailableAtFirst : Greeter.GreeterBase
{
    public override Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context)
    {
        int previous = Attempts.Previous(context);
        if (previous < 2)
        {
            Attempts.Tell(context, "fails with UNAVAILABLE");
            throw new RpcException(new Status(StatusCode.Unavailable, "not yet"));
        }

        Attempts.Tell(context, "succeeds");
        return Task.FromResult(new HelloReply { Message = $"Hello {request.Name}, at attempt {previous + 1}" });
    }
}

/// <summary>Takes half a minute for the first attempt, and no time for the next one.</summary>
internal sealed class SlowAtFirst : Greeter.GreeterBase
{
    public override async Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context)
    {
        int previous = Attempts.Previous(context);
        if (previous == 0)
        {
            Attempts.Tell(context, "takes its time");
            try
            {
                await Task.Delay(TimeSpan.FromSeconds(30), context.CancellationToken);
            }
            catch (OperationCanceledException)
            {
                Attempts.Tell(context, "is cancelled, its answer is no longer wanted");
                throw;
            }
        }

        Attempts.Tell(context, "succeeds");
        return new HelloReply { Message = $"Hello {request.Name}, at attempt {previous + 1}" };
    }
}

/// <summary>What a server is told about earlier attempts: their number, from the second attempt on.</summary>
internal static class Attempts
{
    private const string HeaderName = "grpc-previous-rpc-attempts";

    public static int Previous(ServerCallContext context) => int.Parse(context.RequestHeaders.GetValue(HeaderName) ?? "0", CultureInfo.InvariantCulture);

    public static void Tell(ServerCallContext context, string what) =>
        Console.WriteLine($"  server: {HeaderName}: {context.RequestHeaders.GetValue(HeaderName) ?? "none"}; {what}");
}
