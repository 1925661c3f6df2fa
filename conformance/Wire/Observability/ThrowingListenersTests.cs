using System.Diagnostics;
using System.Diagnostics.Metrics;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>
/// Loggers and listeners that throw: they are told of nearly everything that connections do, on their loops too, and what they throw changes
/// none of it. All connections of the process tell the same meter, so these tests run alone.
/// </summary>
[Collection(nameof(Alone))]
public sealed class ThrowingListenersTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connections_do_not_mind_a_logger_that_throws(bool isAskedFirst)
    {
        long lost = 0;
        using MeterListener listener = Listen("minigrpc.log_entries.lost", () => Interlocked.Increment(ref lost));
        await LiveAndDieAsync(new ThrowingLogger(isAskedFirst));
        Assert.True(Interlocked.Read(ref lost) > 0, "what was not logged was not counted either");
    }

    [Fact]
    public async Task Connections_do_not_mind_a_listener_that_throws()
    {
        var log = new LogLines();
        using MeterListener listener = Listen("minigrpc.", () => throw new InvalidOperationException("a listener"));
        await LiveAndDieAsync(log.Factory);
        Assert.Contains("Error: A listener to the metrics or spans of MiniGrpc threw an exception", log.Lines);
    }

    [Fact]
    public async Task Connections_do_not_mind_when_both_throw()
    {
        using MeterListener listener = Listen("minigrpc.", () => throw new InvalidOperationException("a listener"));
        await LiveAndDieAsync(new ThrowingLogger(isAskedFirst: false));
    }

    [Theory]
    [InlineData("sample")]
    [InlineData("started")]
    [InlineData("inject")]
    public async Task Calls_do_not_mind_who_throws_as_their_span_begins(string where)
    {
        var log = new LogLines();
        DistributedContextPropagator before = DistributedContextPropagator.Current;
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "MiniGrpc",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => where == "sample" ? throw new InvalidOperationException(where) : ActivitySamplingResult.AllData,
            ActivityStarted = _ => Throw("started"),
        };
        ActivitySource.AddActivityListener(listener);
        using Activity caller = new Activity("the caller's").Start();
        try
        {
            DistributedContextPropagator.Current = where == "inject" ? new ThrowingPropagator() : before;
            await using TestChannel channel = new(options => options.LoggerFactory = log.Factory);
            Task<byte[]> call = channel.Unary([1]).ResponseAsync;
            Assert.Same(caller, Activity.Current);
            RawServer peer = await channel.StartAsync();
            await peer.RequestAsync(1);
            await peer.ReplyAsync(1, 7);
            Assert.Equal([7], await RawPeer.Within(call, "the response"));
        }
        finally
        {
            DistributedContextPropagator.Current = before;
        }

        Assert.Contains("Error: A listener to the metrics or spans of MiniGrpc threw an exception", log.Lines);

        void Throw(string here)
        {
            if (where == here)
            {
                throw new InvalidOperationException(where);
            }
        }
    }

    /// <summary>What makes both ends tell something: a call, a reset, a broken rule, the loss of the server, and a new one in its place.</summary>
    private static async Task LiveAndDieAsync(ILoggerFactory log)
    {
        var endPoint = new MemoryEndPoint();
        await using (GrpcServer first = await StartAsync())
        {
            await using RawClient peer = new(endPoint.Connect());
            await peer.StartAsync();
            await peer.SendAsync(o => RstStreamFrame.Write(o, 1, ErrorCode.Cancel)); // of a stream that is idle (section 5.1)
            await peer.ExpectGoAwayAndEndAsync(ErrorCode.ProtocolError, 0, "5.1");
        }

        GrpcServer second = await StartAsync();
        await using MiniChannel channel = MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions { LoggerFactory = log });
        CallInvoker invoker = channel.CreateCallInvoker();
        var waiting = new CallOptions().WithWaitForReady();
        Assert.Equal([5], await RawPeer.Within(invoker.AsyncUnaryCall(TestService.UnaryMethod, null, waiting, [5]).ResponseAsync, "the response"));
        using AsyncDuplexStreamingCall<byte[], byte[]> open = invoker.AsyncDuplexStreamingCall(TestService.DuplexMethod, null, default);
        await RawPeer.Within(open.RequestStream.WriteAsync([1]), "the request to be sent");
        await RawPeer.Within(second.DisposeAsync().AsTask(), "the server to stop");
        await TestChannel.AssertFailsAsync(open.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Unavailable, "");

        GrpcServer third = await StartAsync();
        Assert.Equal([6], await RawPeer.Within(invoker.AsyncUnaryCall(TestService.UnaryMethod, null, waiting, [6]).ResponseAsync, "the response"));
        await RawPeer.Within(channel.DisposeAsync().AsTask(), "the channel to close");
        await RawPeer.Within(third.ShutdownAsync(), "the server to stop");

        async Task<GrpcServer> StartAsync()
        {
            var server = new GrpcServer(new GrpcServerOptions { LoggerFactory = log });
            server.Services.Add(new TestService { Unary = (request, _) => Task.FromResult(request) }.Bind());
            server.Listen(endPoint);
            await server.StartAsync();
            return server;
        }
    }

    private static MeterListener Listen(string instruments, Action onTold)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "MiniGrpc" && instrument.Name.StartsWith(instruments, StringComparison.Ordinal))
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((_, _, _, _) => onTold());
        listener.Start();
        return listener;
    }

    private sealed class ThrowingLogger(bool isAskedFirst) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => isAskedFirst ? throw new InvalidOperationException("the test is over") : true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            throw new InvalidOperationException("the test is over");

        public void Dispose()
        {
        }
    }

    private sealed class ThrowingPropagator : DistributedContextPropagator
    {
        public override IReadOnlyCollection<string> Fields => [];

        public override void Inject(Activity? activity, object? carrier, PropagatorSetterCallback? setter) => throw new InvalidOperationException("inject");

        public override void ExtractTraceIdAndState(object? carrier, PropagatorGetterCallback? getter, out string? traceId, out string? traceState) =>
            (traceId, traceState) = (null, null);

        public override IEnumerable<KeyValuePair<string, string?>>? ExtractBaggage(object? carrier, PropagatorGetterCallback? getter) => null;
    }
}
