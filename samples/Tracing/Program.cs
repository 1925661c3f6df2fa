// Spans and metrics of a call that goes through two servers: who called whom, how long each took, and how often each was tried.

using System.Diagnostics;

using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Samples.Tracing;
using MiniGrpc.Server;

// The back server fails at first; the front server's channel tries again.
const string Retry = """
    {
      "methodConfig": [ {
        "name": [ { "service": "greeter.Greeter" } ],
        "retryPolicy": {
          "maxAttempts": 3,
          "initialBackoff": "0.05s",
          "maxBackoff": "1s",
          "backoffMultiplier": 2,
          "retryableStatusCodes": [ "UNAVAILABLE" ]
        }
      } ]
    }
    """;

// Whoever wants to know listens; without listeners nothing is measured. A program would have the OpenTelemetry SDK listen
// (docs/observability.md), which sends all of it to where it is stored. This one keeps it, to print it in the end.
using var spans = new SpanRecorder("MiniGrpc", "Tracing");
using var metrics = new MetricRecorder("MiniGrpc");
using var source = new ActivitySource("Tracing");

try
{
    await using GrpcServer back = await StartAsync(new BackService());
    await using var toBack = MiniChannel.ForAddress(back.Addresses[0], new MiniChannelOptions { ServiceConfig = ServiceConfig.Parse(Retry) });
    await using GrpcServer front = await StartAsync(new FrontService(new Greeter.GreeterClient(toBack)));
    await using var toFront = MiniChannel.ForAddress(front.Addresses[0]);

    // The program's own span. What is called while it is the current one becomes its child, in whatever process that is served:
    // the metadata of each call names its span (traceparent).
    using (source.StartActivity("visit"))
    {
        HelloReply reply = await new Greeter.GreeterClient(toFront).SayHelloAsync(
            new HelloRequest { Name = "Ada" }, deadline: DateTime.UtcNow.AddSeconds(30));
        Console.WriteLine(reply.Message);
    }

    // A server's span ends when its handler has returned, which may be a moment after its answer was there.
    await spans.AllEnded.WaitAsync(TimeSpan.FromSeconds(30));
}
catch (RpcException e)
{
    Console.Error.WriteLine($"The call failed with {e.StatusCode}: {e.Status.Detail}");
    return 1;
}
catch (IOException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

Console.WriteLine("Spans: who called whom");
spans.Print();
Console.WriteLine("Metrics: how often, how long, how much");
metrics.Print();
return 0;

static async Task<GrpcServer> StartAsync(Greeter.GreeterBase service)
{
    var server = new GrpcServer();
    server.Services.Add(Greeter.BindService(service));
    server.Listen("http://127.0.0.1:0"); // port 0: any that is free
    await server.StartAsync();
    return server;
}
