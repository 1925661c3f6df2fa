// A call that is tried again until it succeeds, and one that is sent twice so that the faster answer counts.

using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Samples;
using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Samples.Retry;
using MiniGrpc.Server;

// A service config in gRPC's JSON form, as the owner of a service hands it out. It is for the methods that it names.
const string Retry = """
    {
      "methodConfig": [ {
        "name": [ { "service": "greeter.Greeter", "method": "SayHello" } ],
        "retryPolicy": {
          "maxAttempts": 4,
          "initialBackoff": "0.1s",
          "maxBackoff": "1s",
          "backoffMultiplier": 2,
          "retryableStatusCodes": [ "UNAVAILABLE" ]
        }
      } ]
    }
    """;

// Hedging doesn't wait for a failure: every 0.2 s without an answer another attempt is sent. For methods that do no harm
// when they run more than once.
const string Hedging = """
    {
      "methodConfig": [ {
        "name": [ { "service": "greeter.Greeter", "method": "SayHello" } ],
        "hedgingPolicy": { "maxAttempts": 2, "hedgingDelay": "0.2s" }
      } ]
    }
    """;

return await Sample.RunAsync(async () =>
{
    Console.WriteLine("Retries: the server fails twice, the third attempt succeeds");
    await CallAsync(new UnavailableAtFirst(), Retry);

    Console.WriteLine("Hedging: the first attempt is slow, the second one overtakes it");
    await CallAsync(new SlowAtFirst(), Hedging);
});

// One call, to a server of its own.
static async Task CallAsync(Greeter.GreeterBase service, string serviceConfig)
{
    await using var server = new GrpcServer();
    server.Services.Add(Greeter.BindService(service));
    server.Listen("http://127.0.0.1:0"); // port 0: any that is free
    await server.StartAsync();

    var options = new MiniChannelOptions { ServiceConfig = ServiceConfig.Parse(serviceConfig) };
    await using var channel = MiniChannel.ForAddress(server.Addresses[0], options);
    var client = new Greeter.GreeterClient(channel);

    // The caller sees one call with one answer. Its deadline is for all attempts together.
    HelloReply reply = await client.SayHelloAsync(new HelloRequest { Name = "Ada" }, deadline: DateTime.UtcNow.AddSeconds(30));
    Console.WriteLine($"  client: {reply.Message}");

    // Handlers that are under way get five seconds to finish.
    await server.ShutdownAsync(TimeSpan.FromSeconds(5));
}
