using BenchmarkDotNet.Attributes;

using Google.Protobuf;

using Grpc.Core;

using MiniGrpc.Benchmarks.Protos;
using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Benchmarks.Micro;

/// <summary>Calls of generated code over memory: client and server together, without sockets. One at a time, so mostly the price of waking up.</summary>
[MemoryDiagnoser]
public class Calls
{
    private readonly Echo _request = new() { Payload = ByteString.CopyFrom(new byte[16]) };
    private readonly GrpcServer _server = new();
    private MiniChannel? _channel;
    private Benchmark.BenchmarkClient? _client;

    [GlobalSetup]
    public async Task SetupAsync()
    {
        var endPoint = new MemoryEndPoint();
        _server.Services.Add(Benchmark.BindService(new Service()));
        _server.Listen(endPoint);
        await _server.StartAsync();
        _channel = MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions());
        _client = new Benchmark.BenchmarkClient(_channel.CreateCallInvoker());
    }

    [GlobalCleanup]
    public async Task CleanUpAsync()
    {
        await _channel!.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Benchmark]
    public async Task<Echo> UnaryAsync() => await _client!.UnaryAsync(_request);

    [Benchmark]
    public async Task<Echo> UnaryWithDeadlineAsync() => await _client!.UnaryAsync(_request, deadline: DateTime.UtcNow.AddMinutes(1));

    private sealed class Service : Benchmark.BenchmarkBase
    {
        public override Task<Echo> Unary(Echo request, ServerCallContext context) => Task.FromResult(request);
    }
}
