// A server and its clients, who prove to each other who they are: by certificates (TLS, mutual TLS) and by tokens.

using Grpc.Core;

using MiniGrpc.Client;
using MiniGrpc.Samples.Auth;
using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Server;

using var authority = new Authority("Authority of this run");
using var stranger = new Authority("Somebody else");

// The server shows its certificate to everybody, and asks clients for theirs without insisting on one.
var tls = new ServerTls(authority.IssueForServer("localhost"))
{
    ClientCertificateMode = ClientCertificateMode.Request,
    ClientRoots = authority.Roots,
};

try
{
    await using var server = new GrpcServer();
    server.Services.Add(Greeter.BindService(new GuardedGreeter()));
    server.Listen("https://127.0.0.1:0", tls); // port 0: any that is free
    await server.StartAsync();
    string address = $"https://localhost:{server.Ports[0]}"; // the certificate is for this name

    Console.WriteLine("A client that doesn't trust the server's authority:");
    await CallAsync(address, new ClientTls { Roots = stranger.Roots });

    Console.WriteLine("One that does, but doesn't say who it is:");
    await CallAsync(address, new ClientTls { Roots = authority.Roots });

    Console.WriteLine("One with a certificate (mutual TLS):");
    await CallAsync(address, new ClientTls(authority.IssueForClient("ada")) { Roots = authority.Roots });

    Console.WriteLine("One with a certificate that somebody else has issued:");
    await CallAsync(address, new ClientTls(stranger.IssueForClient("ada")) { Roots = authority.Roots });

    Console.WriteLine("One with a token (call credentials):");
    await CallAsync(address, new ClientTls { Roots = authority.Roots }, GuardedGreeter.GracesToken);

    Console.WriteLine("One with a wrong token:");
    await CallAsync(address, new ClientTls { Roots = authority.Roots }, "guessed");

    Console.WriteLine("The server's certificate is renewed while it runs; a new client sees the new one:");
    tls.ReplaceCertificate(authority.IssueForServer("localhost"));
    await CallAsync(address, new ClientTls(authority.IssueForClient("ada")) { Roots = authority.Roots });

    await server.ShutdownAsync(TimeSpan.FromSeconds(5));
    return 0;
}
catch (IOException e)
{
    Console.Error.WriteLine(e.Message);
    return 1;
}

// One call on a channel of its own.
static async Task CallAsync(string address, ClientTls tls, string? token = null)
{
    var options = new MiniChannelOptions { Tls = tls };
    if (token is not null)
    {
        // Asked before each call, so a token that is out of date can be renewed here. Without TLS it would not be sent.
        options.CallCredentials = CallCredentials.FromInterceptor((context, metadata) =>
        {
            metadata.Add("authorization", $"Bearer {token}");
            return Task.CompletedTask;
        });
    }

    await using var channel = MiniChannel.ForAddress(address, options);
    try
    {
        HelloReply reply = await new Greeter.GreeterClient(channel).SayHelloAsync(new HelloRequest(), deadline: DateTime.UtcNow.AddSeconds(30));
        Console.WriteLine($"  {reply.Message}");
    }
    catch (RpcException e)
    {
        Console.WriteLine($"  {e.StatusCode}: {e.Status.Detail}");
    }
}
