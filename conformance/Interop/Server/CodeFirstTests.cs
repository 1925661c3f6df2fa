using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Server;
using ProtoBuf;
using ProtoBuf.Grpc;
using ProtoBuf.Grpc.Client;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>Services and clients that are written in C# first, with protobuf-net.Grpc, on our server and on either client.</summary>
public sealed class CodeFirstTests
{
    private static readonly int[] s_parts = [1, 2, 3];

    [Theory, Matrix]
    public async Task All_kinds_of_operation_work(IClientPeer peer)
    {
        await using GrpcServer server = await StartAsync();
        await using IClientChannel channel = server.ConnectBy(peer);
        ICalculator calculator = channel.Channel.CreateGrpcService<ICalculator>();

        Assert.Equal(6, (await calculator.AddAsync(new Numbers { Parts = s_parts }).AsTask().WithinLimit("a sum")).Sum);
        Assert.Equal([1, 3, 6], await AllAsync(calculator.RunningAsync(new Numbers { Parts = s_parts })).WithinLimit("totals"));
        Assert.Equal(6, (await calculator.AddUpAsync(PartsAsync()).WithinLimit("a sum of many")).Sum);
        Assert.Equal([1, 3, 6], await AllAsync(calculator.DuplexAsync(PartsAsync())).WithinLimit("totals"));
    }

    [Theory, Matrix]
    public async Task Headers_trailers_and_statuses_pass(IClientPeer peer)
    {
        await using GrpcServer server = await StartAsync();
        await using IClientChannel channel = server.ConnectBy(peer);
        ICalculator calculator = channel.Channel.CreateGrpcService<ICalculator>();

        CallContext context = new(new CallOptions([new Metadata.Entry("unit", "apples")]), CallContextFlags.CaptureMetadata);
        await calculator.AddAsync(new Numbers { Parts = s_parts }, context).AsTask().WithinLimit("a sum");
        Assert.Equal("apples", context.ResponseTrailers().GetValue("unit"));

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => calculator.AddAsync(new Numbers()).AsTask().WithinLimit("the error"));
        Assert.Equal((StatusCode.InvalidArgument, "nothing to add"), (e.StatusCode, e.Status.Detail));
    }

    [Theory, Matrix]
    public async Task Cancelling_an_operation_reaches_the_service(IClientPeer peer)
    {
        Calculator service = new();
        await using GrpcServer server = await StartAsync(service);
        await using IClientChannel channel = server.ConnectBy(peer);
        ICalculator calculator = channel.Channel.CreateGrpcService<ICalculator>();
        using CancellationTokenSource cancel = new();
        Task<Total> call = calculator.WaitAsync(new CallContext(new CallOptions(cancellationToken: cancel.Token))).AsTask();
        await service.Waiting.Task.WithinLimit("the service to wait");

        await cancel.CancelAsync();

        await service.Cancelled.Task.WithinLimit("the service to be cancelled");
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.WithinLimit("the end of the call"));
        Assert.Equal(StatusCode.Cancelled, e.StatusCode);
    }

    private static Task<GrpcServer> StartAsync(Calculator? service = null) =>
        OurServer.StartAsync(server => server.Services.Add(CodeFirstBinder.Bind<ICalculator>(service ?? new Calculator())));

    private static async IAsyncEnumerable<Numbers> PartsAsync()
    {
        foreach (int part in s_parts)
        {
            await Task.Yield();
            yield return new Numbers { Parts = [part] };
        }
    }

    private static async Task<IEnumerable<int>> AllAsync(IAsyncEnumerable<Total> totals)
    {
        List<int> all = [];
        await foreach (Total total in totals)
        {
            all.Add(total.Sum);
        }

        return all;
    }

    /// <summary>One operation of each kind, and one that takes its time.</summary>
    [ProtoBuf.Grpc.Configuration.Service("minigrpc.codefirst.Calculator")]
    public interface ICalculator
    {
        ValueTask<Total> AddAsync(Numbers numbers, CallContext context = default);

        IAsyncEnumerable<Total> RunningAsync(Numbers numbers, CallContext context = default);

        Task<Total> AddUpAsync(IAsyncEnumerable<Numbers> numbers, CallContext context = default);

        IAsyncEnumerable<Total> DuplexAsync(IAsyncEnumerable<Numbers> numbers, CallContext context = default);

        ValueTask<Total> WaitAsync(CallContext context = default);
    }

    [ProtoContract]
    public sealed class Numbers
    {
        [ProtoMember(1)]
        public int[] Parts { get; set; } = [];
    }

    [ProtoContract]
    public sealed class Total
    {
        [ProtoMember(1)]
        public int Sum { get; set; }
    }

    private sealed class Calculator : ICalculator
    {
        public TaskCompletionSource Waiting { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Cancelled { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public ValueTask<Total> AddAsync(Numbers numbers, CallContext context = default)
        {
            if (context.RequestHeaders?.GetValue("unit") is { } unit)
            {
                context.ServerCallContext!.ResponseTrailers.Add("unit", unit);
            }

            return numbers.Parts.Length == 0
                ? throw new RpcException(new Status(StatusCode.InvalidArgument, "nothing to add"))
                : new ValueTask<Total>(new Total { Sum = numbers.Parts.Sum() });
        }

        public async IAsyncEnumerable<Total> RunningAsync(Numbers numbers, CallContext context = default)
        {
            int sum = 0;
            foreach (int part in numbers.Parts)
            {
                await Task.Yield();
                yield return new Total { Sum = sum += part };
            }
        }

        public async Task<Total> AddUpAsync(IAsyncEnumerable<Numbers> numbers, CallContext context = default)
        {
            int sum = 0;
            await foreach (Numbers some in numbers)
            {
                sum += some.Parts.Sum();
            }

            return new Total { Sum = sum };
        }

        public async IAsyncEnumerable<Total> DuplexAsync(IAsyncEnumerable<Numbers> numbers, CallContext context = default)
        {
            int sum = 0;
            await foreach (Numbers some in numbers)
            {
                yield return new Total { Sum = sum += some.Parts.Sum() };
            }
        }

        public async ValueTask<Total> WaitAsync(CallContext context = default)
        {
            Waiting.SetResult();
            try
            {
                await Task.Delay(Timeout.Infinite, context.CancellationToken);
            }
            catch (OperationCanceledException)
            {
                Cancelled.SetResult();
                throw;
            }

            return new Total();
        }
    }
}
