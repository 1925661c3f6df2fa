// Three servers and one channel that shares its calls out among them. One server dies and comes back, and no call fails.

using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Samples;
using MiniGrpc.Samples.LoadBalancing;
using MiniGrpc.Samples.Protos.Greeter;

await using var a = await NamedServer.StartAsync("A");
await using var b = await NamedServer.StartAsync("B");
await using var c = await NamedServer.StartAsync("C");

// Several addresses of one service in one target. Where a name stands for them, the target is dns:///host:port.
string target = $"ipv4:127.0.0.1:{a.Port},127.0.0.1:{b.Port},127.0.0.1:{c.Port}";
var options = new MiniChannelOptions
{
    ServiceConfig = new ServiceConfig
    {
        LoadBalancingConfigs = { new RoundRobinConfig() },

        // Round robin leaves out a server as soon as its connection is lost. A call that is under way there at that
        // moment can only be saved by trying it again; the next attempt goes to another server.
        MethodConfigs =
        {
            new MethodConfig
            {
                Names = { MethodName.Default },
                RetryPolicy = new RetryPolicy
                {
                    MaxAttempts = 3,
                    InitialBackoff = TimeSpan.FromMilliseconds(50),
                    MaxBackoff = TimeSpan.FromMilliseconds(200),
                    BackoffMultiplier = 2,
                    RetryableStatusCodes = { StatusCode.Unavailable },
                },
            },
        },
    },

    // A lost server is looked for more often than usual (1 s, then longer and longer), so that nobody has to wait.
    InitialReconnectBackoff = TimeSpan.FromMilliseconds(100),
    MaxReconnectBackoff = TimeSpan.FromMilliseconds(300),
};

return await Sample.RunAsync(async () =>
{
    await using var channel = MiniChannel.ForAddress(target, options);
    var calls = new Calls(new Greeter.GreeterClient(channel));

    // These calls are neither shown nor counted.
    await calls.WarmUpAsync();

    Console.WriteLine("Each call goes to the next server:");
    await calls.MakeUntilAsync(answers => answers["A"] >= 2 && answers["B"] >= 2 && answers["C"] >= 2);

    Console.WriteLine("B is killed; the calls go on at A and C:");
    await b.KillAsync();
    await calls.MakeUntilAsync(answers => answers["A"] >= 3 && answers["C"] >= 3);

    Console.WriteLine("B is back; it is found and gets its share again:");
    await b.StartAgainAsync();
    await calls.MakeUntilAsync(answers => answers["B"] >= 3);

    Console.WriteLine($"{calls.Count} calls, none failed");
});
