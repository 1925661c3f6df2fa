// A service with what operators want to find beside it: its health, and a description of itself.
//
// By health a load balancer or Kubernetes decides whether to send calls here:
//     livenessProbe:  { grpc: { port: 50051 } }
//     readinessProbe: { grpc: { port: 50051, service: greeter.Greeter } }
// The kubelet calls from outside of the container and speaks plaintext: listen on http://*:50051 there.
//
// By reflection tools call the server without its proto:
//     buf curl --protocol grpc --http2-prior-knowledge --list-services http://127.0.0.1:50051
//     buf curl --protocol grpc --http2-prior-knowledge --data '{"name": "Ada"}' http://127.0.0.1:50051/greeter.Greeter/SayHello
//     grpcurl -plaintext 127.0.0.1:50051 list
//     grpcurl -plaintext -d '{"name": "Ada"}' 127.0.0.1:50051 greeter.Greeter/SayHello

using Google.Protobuf.Reflection;

using Grpc.Core;
using Grpc.Health.V1;
using Grpc.HealthCheck;
using Grpc.Reflection;

using MiniGrpc.Samples;
using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Server;

using ServingStatus = Grpc.Health.V1.HealthCheckResponse.Types.ServingStatus;

return await Sample.RunAsync(async () =>
{
    await using var server = new GrpcServer();
    server.Services.Add(Greeter.BindService(new GreeterService()));

    // Each service by its full name; the empty name stands for the server as a whole.
    string[] names = ["", Greeter.Descriptor.FullName];
    var health = new HealthServiceImpl();
    SetAll(ServingStatus.Serving);
    server.Services.Add(Health.BindService(health));

    // When the server begins to stop, it says so first, while calls are still served. Watchers get that last change, and
    // their calls end: otherwise they would hold the shutdown up for as long as they like to watch.
    server.Stopping.Register(() => SetAll(ServingStatus.NotServing));
    server.CancelOnShutdown.Add(Health.Descriptor.FullName);

    // Newer tools ask for v1, older ones for v1alpha.
    ServiceDescriptor[] described = [Greeter.Descriptor, Health.Descriptor];
    server.Services.Add(Grpc.Reflection.V1.ServerReflection.BindService(new ReflectionV1ServiceImpl(described)));
    server.Services.Add(Grpc.Reflection.V1Alpha.ServerReflection.BindService(new ReflectionServiceImpl(described)));

    server.Listen(args.FirstOrDefault() ?? Sample.Address);
    await server.StartAsync();

    using var signal = new StopSignal();
    Console.WriteLine($"Listening on {server.Addresses[0]} (Ctrl+C stops)");
    await signal.Requested;

    await server.ShutdownAsync(TimeSpan.FromSeconds(5));
    Console.WriteLine("Stopped");

    void SetAll(ServingStatus status) => Array.ForEach(names, name => health.SetStatus(name, status));
});

internal sealed class GreeterService : Greeter.GreeterBase
{
    public override Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context) =>
        Task.FromResult(new HelloReply { Message = $"Hello {request.Name}" });
}
