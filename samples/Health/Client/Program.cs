// Asks a server what it offers and how it is, and watches it until it stops. Of the greeter it knows only the name.

using Google.Protobuf.Reflection;

using Grpc.Core;
using Grpc.Health.V1;
using Grpc.Reflection.V1;

using MiniGrpc.Client;
using MiniGrpc.Samples;
using MiniGrpc.Wire;

return await Sample.RunAsync(async () =>
{
    await using var channel = MiniChannel.ForAddress(args.FirstOrDefault() ?? Sample.Address);

    Console.WriteLine("What the server offers, by reflection:");
    await ListServicesAsync(new ServerReflection.ServerReflectionClient(channel));

    var health = new Health.HealthClient(channel);
    Console.WriteLine("How it is:");
    await CheckAsync(health, "");
    await CheckAsync(health, "greeter.Greeter");
    await CheckAsync(health, "weather.Forecast");

    Console.WriteLine("Watching it (stop the server with Ctrl+C in its terminal):");
    await WatchAsync(health);
    Console.WriteLine("The server has ended the watch: it is stopping");
});

// One call with many questions: first for the services, then for each one's proto.
static async Task ListServicesAsync(ServerReflection.ServerReflectionClient client)
{
    using AsyncDuplexStreamingCall<ServerReflectionRequest, ServerReflectionResponse> call =
        client.ServerReflectionInfo(deadline: InHalfAMinute());
    ServerReflectionResponse list = await AskAsync(new ServerReflectionRequest { ListServices = "" });
    foreach (string name in list.ListServicesResponse.Service.Select(service => service.Name))
    {
        ServerReflectionResponse answer = await AskAsync(new ServerReflectionRequest { FileContainingSymbol = name });
        IEnumerable<string> methods = answer.FileDescriptorResponse.FileDescriptorProto
            .Select(file => FileDescriptorProto.Parser.ParseFrom(file))
            .SelectMany(file => file.Service.Where(service => $"{file.Package}.{service.Name}" == name))
            .SelectMany(service => service.Method)
            .Select(method => method.Name);
        Console.WriteLine($"  {name}: {string.Join(", ", methods)}");
    }

    await call.RequestStream.CompleteAsync();

    async Task<ServerReflectionResponse> AskAsync(ServerReflectionRequest request)
    {
        await call.RequestStream.WriteAsync(request);
        return await call.ResponseStream.MoveNext()
            ? call.ResponseStream.Current
            : throw new RpcException(new Status(StatusCode.Internal, "the server has ended the call without an answer"));
    }
}

// What a probe does: one question, one answer. NOT_FOUND means that the server has no such service.
static async Task CheckAsync(Health.HealthClient client, string name)
{
    string status;
    try
    {
        HealthCheckResponse response = await client.CheckAsync(new HealthCheckRequest { Service = name }, deadline: InHalfAMinute());
        status = NameOf(response.Status);
    }
    catch (RpcException e) when (e.StatusCode == StatusCode.NotFound)
    {
        status = "NOT_FOUND";
    }

    Console.WriteLine($"  {(name.Length > 0 ? name : "the whole server")}: {status}");
}

// What a load balancer does: the status now, and every change. Has no deadline, since it is to last as long as the server.
static async Task WatchAsync(Health.HealthClient client)
{
    using AsyncServerStreamingCall<HealthCheckResponse> watch = client.Watch(new HealthCheckRequest());
    await foreach (HealthCheckResponse response in watch.ResponseStream.ReadAllAsync())
    {
        Console.WriteLine($"  {NameOf(response.Status)}");
    }
}

static DateTime InHalfAMinute() => DateTime.UtcNow.AddSeconds(30);

// As it stands in the proto: NOT_SERVING, where C# says NotServing.
static string NameOf(HealthCheckResponse.Types.ServingStatus status) =>
    HealthCheckResponse.Descriptor.EnumTypes.Single().FindValueByNumber((int)status).Name;
