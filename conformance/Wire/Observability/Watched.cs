using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>What was measured: an instrument, a value, and the labels as <c>name=value</c>.</summary>
internal sealed record Measured(string Name, double Value, string Labels);

/// <summary>
/// Listens to the meter and the spans of MiniGrpc for one service, whose name no other test has: others run at the same time. Also a
/// server with that service and a channel to it, on a clock that is moved by hand.
/// </summary>
internal sealed class Watched : IAsyncDisposable
{
    private static readonly Marshaller<byte[]> s_octets = Marshallers.Create(octets => octets, octets => octets);
    private static int s_last;

    private readonly ActivityListener? _listener;
    private readonly ConcurrentQueue<Measured> _measured = new();
    private readonly ConcurrentQueue<Activity> _spans = new();
    private readonly Changes _told = new();
    private readonly ConcurrentDictionary<ActivityTraceId, bool> _traces = new();
    private MeterListener? _meter;
    private GrpcServer? _server;
    private MiniChannel? _channel;

    /// <summary>Listens to spans if <paramref name="traces"/>, and to the instruments whose names begin so; null for none.</summary>
    public Watched(bool traces = true, string? instruments = "grpc.")
    {
        Service = $"watched.Service{Interlocked.Increment(ref s_last)}";
        Unary = Define(MethodType.Unary);
        Collect = Define(MethodType.ClientStreaming);
        Spread = Define(MethodType.ServerStreaming);
        Duplex = Define(MethodType.DuplexStreaming);
        if (instruments is not null)
        {
            Measure(instruments);
        }

        _listener = traces ? ListenToSpans() : null;
    }

    /// <summary>What the meter and the source of spans say of MiniGrpc: its version, in three numbers.</summary>
    public static string Version => typeof(GrpcServer).Assembly.GetName().Version!.ToString(3);

    public string Service { get; }

    public Method<byte[], byte[]> Unary { get; }

    public Method<byte[], byte[]> Collect { get; }

    public Method<byte[], byte[]> Spread { get; }

    public Method<byte[], byte[]> Duplex { get; }

    public TestService Handlers { get; } = new();

    public FakeTimeProvider Time { get; } = new(DateTimeOffset.UtcNow);

    public LogLines Log { get; } = new();

    public MemoryEndPoint EndPoint { get; } = new();

    public CallInvoker Invoker { get; private set; } = null!;

    /// <summary>What listeners do besides noting what they are told.</summary>
    public Action OnTold { get; set; } = () => { };

    /// <summary>Whether what is measured of methods that a server doesn't have is heard too, which may be another test's.</summary>
    public bool HearsOther { get; init; }

    /// <summary>From now on listens to the instruments whose names begin so.</summary>
    public void Measure(string instruments) => _meter = ListenToMeter(instruments);

    /// <summary>What was measured of the service's methods by the instrument.</summary>
    public Measured[] Of(string instrument) => [.. _measured.Where(one => one.Name == instrument)];

    public async Task<Watched> StartAsync(Action<MiniChannelOptions>? configure = null, Action<GrpcServerOptions>? configureServer = null)
    {
        var options = new GrpcServerOptions { TimeProvider = Time };
        configureServer?.Invoke(options);
        _server = new GrpcServer(options);
        _server.Services.Add(Bind());
        _server.Listen(EndPoint);
        await _server.StartAsync();
        return Connect(configure);
    }

    /// <summary>A channel, whether a server listens or not.</summary>
    public Watched Connect(Action<MiniChannelOptions>? configure = null)
    {
        var options = new MiniChannelOptions { TimeProvider = Time };
        configure?.Invoke(options);
        _channel = MiniChannel.ForEndPoint(EndPoint, options);
        Invoker = _channel.CreateCallInvoker();
        return this;
    }

    public ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Unary, (request, context) => Handlers.Unary(request, context))
        .AddMethod(Collect, (requests, context) => Handlers.Collect(requests, context))
        .AddMethod(Spread, (request, responses, context) => Handlers.Spread(request, responses, context))
        .AddMethod(Duplex, (requests, responses, context) => Handlers.Duplex(requests, responses, context))
        .Build();

    public Task<byte[]> CallAsync(byte[]? request = null, CallOptions options = default) =>
        RawPeer.Within(Invoker.AsyncUnaryCall(Unary, null, options, request ?? [1, 2, 3]).ResponseAsync, "the response");

    public async Task<StatusCode> FailAsync(CallOptions options = default) =>
        (await Assert.ThrowsAsync<RpcException>(() => CallAsync(options: options))).StatusCode;

    /// <summary>
    /// A call of any kind: two requests of 3 and 4 octets if it takes many, else one of 3; its responses are read to the end.
    /// </summary>
    public async Task CallAsync(MethodType kind)
    {
        switch (kind)
        {
            case MethodType.Unary:
                await CallAsync();
                break;
            case MethodType.ClientStreaming:
                using (AsyncClientStreamingCall<byte[], byte[]> call = Invoker.AsyncClientStreamingCall(Collect, null, default))
                {
                    await WriteAsync(call.RequestStream);
                    await RawPeer.Within(call.ResponseAsync, "the response");
                }

                break;
            case MethodType.ServerStreaming:
                using (AsyncServerStreamingCall<byte[]> call = Invoker.AsyncServerStreamingCall(Spread, null, default, [1, 2, 3]))
                {
                    await ReadAsync(call.ResponseStream);
                }

                break;
            default:
                using (AsyncDuplexStreamingCall<byte[], byte[]> call = Invoker.AsyncDuplexStreamingCall(Duplex, null, default))
                {
                    await WriteAsync(call.RequestStream);
                    await ReadAsync(call.ResponseStream);
                }

                break;
        }
    }

    /// <summary>Waits until what was measured and traced is so.</summary>
    public Task UntilAsync(Func<bool> isReached, string what) => _told.UntilAsync(isReached, what);

    /// <summary>The measurements of an instrument, when there are so many.</summary>
    public async Task<Measured[]> MeasuredAsync(string instrument, int count = 1)
    {
        await UntilAsync(() => Of(instrument).Length >= count, $"{count} measurements of {instrument}");
        return Of(instrument);
    }

    /// <summary>The ended spans of one side, when there are so many.</summary>
    public async Task<Activity[]> SpansAsync(ActivityKind kind, int count = 1)
    {
        await UntilAsync(() => Spans(kind).Length >= count, $"{count} spans of the {kind}");
        return Spans(kind);
    }

    public Activity[] Spans(ActivityKind kind) => [.. _spans.Where(span => span.Kind == kind)];

    /// <summary>What a request to the unary method starts with.</summary>
    public string[] RequestFields(params string[] more) =>
        [":method=POST", ":scheme=http", $":path=/{Service}/Unary", ":authority=localhost", "te=trailers", "content-type=application/grpc", .. more];

    /// <summary>An instrument has measured once.</summary>
    public async Task AssertAsync(string instrument, double value, string labels) =>
        Assert.Equal(new Measured(instrument, value, labels), Assert.Single(await MeasuredAsync(instrument)));

    /// <summary>An instrument has measured what ended so, in whatever order.</summary>
    public async Task AssertStatusesAsync(string instrument, params string[] statuses)
    {
        await MeasuredAsync(instrument, statuses.Length);
        Assert.Equal(statuses.Order(StringComparer.Ordinal), Of(instrument).Select(StatusOf).Order(StringComparer.Ordinal));
    }

    /// <summary>The status in the labels.</summary>
    public static string StatusOf(Measured one) => one.Labels.Split("grpc.status=")[1];

    public async ValueTask DisposeAsync()
    {
        await (_channel?.DisposeAsync() ?? default);
        await (_server?.DisposeAsync() ?? default);
        _meter?.Dispose();
        _listener?.Dispose();
    }

    private static async Task WriteAsync(IClientStreamWriter<byte[]> requests)
    {
        await RawPeer.Within(requests.WriteAsync([1, 2, 3]), "a write");
        await RawPeer.Within(requests.WriteAsync([4, 5, 6, 7]), "a write");
        await RawPeer.Within(requests.CompleteAsync(), "the end of the requests");
    }

    private static async Task ReadAsync(IAsyncStreamReader<byte[]> responses)
    {
        while (await RawPeer.Within(responses.MoveNext(CancellationToken.None), "a response"))
        {
        }
    }

    private Method<byte[], byte[]> Define(MethodType type) => new(type, Service, type.ToString(), s_octets, s_octets);

    private MeterListener ListenToMeter(string instruments)
    {
        var listener = new MeterListener
        {
            InstrumentPublished = (instrument, self) =>
            {
                if (instrument.Meter.Name == "MiniGrpc" && instrument.Name.StartsWith(instruments, StringComparison.Ordinal))
                {
                    self.EnableMeasurementEvents(instrument);
                }
            },
        };
        listener.SetMeasurementEventCallback<long>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.SetMeasurementEventCallback<double>((instrument, value, tags, _) => Note(instrument, value, tags));
        listener.Start();
        return listener;
    }

    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string method = "";
        foreach (KeyValuePair<string, object?> tag in tags)
        {
            method = tag.Key == "grpc.method" ? (string)tag.Value! : method;
        }

        if (method.StartsWith(Service + "/", StringComparison.Ordinal) || (HearsOther && method == "other"))
        {
            _measured.Enqueue(new Measured(instrument.Name, value, string.Join(' ', tags.ToArray().Select(tag => $"{tag.Key}={tag.Value}"))));
            _told.Tell();
            OnTold();
        }
    }

    private ActivityListener ListenToSpans()
    {
        var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "MiniGrpc",
            Sample = (ref ActivityCreationOptions<ActivityContext> options) =>
                options.Name.StartsWith(Service + "/", StringComparison.Ordinal) || _traces.ContainsKey(options.Parent.TraceId)
                    ? ActivitySamplingResult.AllDataAndRecorded
                    : ActivitySamplingResult.None,
            ActivityStarted = span =>
            {
                if (span.OperationName.StartsWith(Service + "/", StringComparison.Ordinal))
                {
                    _traces.TryAdd(span.TraceId, true); // and what is called "other" within it
                }
            },
            ActivityStopped = span =>
            {
                if (_traces.ContainsKey(span.TraceId))
                {
                    _spans.Enqueue(span);
                    _told.Tell();
                    OnTold();
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
