// gRPC on the wire: a server and a client in one process, and every frame that passes between them.

using Microsoft.Extensions.Time.Testing;

using MiniGrpc.Client;
using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Samples.Tour;
using MiniGrpc.Server;

var service = new TourService();
await using var server = new GrpcServer();
server.Services.Add(Greeter.BindService(service));
server.Listen("http://127.0.0.1:0"); // port 0: any that is free
await server.StartAsync();

// The client's clock is moved by hand, so that nobody has to wait for a deadline.
var clock = new FakeTimeProvider(DateTimeOffset.UtcNow);
var wire = new WireLog();
var options = new MiniChannelOptions { WireTrace = wire.Add, TimeProvider = clock };
await using var channel = MiniChannel.ForAddress(server.Addresses[0], options);

var lessons = new Lessons(new Page(), wire, new Greeter.GreeterClient(channel));
try
{
    await WireLog.BoundedAsync(GoAsync(), "the tour's end");
    return 0;
}
catch (TimeoutException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

async Task GoAsync()
{
    lessons.Introduce(server.Addresses[0]);
    await lessons.ConnectAndCallAsync();
    await lessons.CallAgainAsync();
    await lessons.StreamFromServerAsync();
    await lessons.StreamFromClientAsync();
    await lessons.StreamBothWaysAsync();
    await lessons.FailAsync();
    await lessons.MissDeadlineAsync(clock, service);
    await lessons.ShutDownAsync(server);
    lessons.Close();
}
