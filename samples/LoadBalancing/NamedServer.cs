using System.Diagnostics;

using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Server;

namespace MiniGrpc.Samples.LoadBalancing;

/// <summary>A server that answers with its name.</summary>
internal sealed class NamedServer : IAsyncDisposable
{
    private static readonly TimeSpan s_patience = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(100);

    private readonly string _name;
    private GrpcServer _server;

    private NamedServer(string name)
    {
        _name = name;
        _server = Create(port: 0); // any that is free
    }

    /// <summary>Where it listens, on 127.0.0.1.</summary>
    public int Port { get; private set; }

    /// <summary>A server on a free port.</summary>
    public static async Task<NamedServer> StartAsync(string name)
    {
        var server = new NamedServer(name);
        await server._server.StartAsync();
        server.Port = server._server.Ports[0];
        Console.WriteLine($"{name} listens on {server._server.Addresses[0]}");
        return server;
    }

    /// <summary>Ends it at once, with all its connections and calls.</summary>
    public Task KillAsync() => _server.KillAsync();

    /// <summary>
    /// Starts it on the same port, as a service manager does. Since it was killed the port is anybody's: a program that connects to somewhere may
    /// have been given it for a moment. So it is tried again for a while.
    /// </summary>
    public async Task StartAgainAsync()
    {
        _server = Create(Port);
        long begin = Stopwatch.GetTimestamp();
        while (true)
        {
            try
            {
                await _server.StartAsync();
                return;
            }
            catch (IOException) when (Stopwatch.GetElapsedTime(begin) < s_patience)
            {
                await Task.Delay(s_pause);
            }
        }
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private GrpcServer Create(int port)
    {
        var server = new GrpcServer();
        server.Services.Add(Greeter.BindService(new GreeterService(_name)));
        server.Listen($"http://127.0.0.1:{port}");
        return server;
    }

    private sealed class GreeterService(string name) : Greeter.GreeterBase
    {
        public override Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context) =>
            Task.FromResult(new HelloReply { Message = name });
    }
}
