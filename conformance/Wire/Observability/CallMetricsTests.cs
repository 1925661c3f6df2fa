using System.Diagnostics;
using System.IO.Compression;
using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>gRFC A66: what is measured of calls, by client and server, and with which labels.</summary>
public class CallMetricsTests
{
    private static readonly string[] s_clientSizes = ["grpc.client.attempt.sent_total_compressed_message_size", "grpc.client.attempt.rcvd_total_compressed_message_size"];
    private static readonly string[] s_serverSizes = ["grpc.server.call.rcvd_total_compressed_message_size", "grpc.server.call.sent_total_compressed_message_size"];

    [Fact]
    public async Task A_call_is_measured_by_every_instrument_on_both_sides()
    {
        await using var watched = new Watched();
        watched.Handlers.Unary = (_, _) =>
        {
            watched.Time.Advance(TimeSpan.FromSeconds(2));
            return Task.FromResult<byte[]>([1, 2, 3, 4, 5]);
        };
        await watched.StartAsync();
        await watched.CallAsync([1, 2, 3]);

        string method = $"grpc.method={watched.Service}/Unary";
        string both = $"{method} grpc.target={watched.EndPoint}";
        await watched.AssertAsync("grpc.client.attempt.started", 1, both);
        await watched.AssertAsync("grpc.client.attempt.duration", 2, $"{both} grpc.status=OK");
        await watched.AssertAsync("grpc.client.attempt.sent_total_compressed_message_size", 3, $"{both} grpc.status=OK");
        await watched.AssertAsync("grpc.client.attempt.rcvd_total_compressed_message_size", 5, $"{both} grpc.status=OK");
        await watched.AssertAsync("grpc.client.call.duration", 2, $"{both} grpc.status=OK");
        await watched.AssertAsync("grpc.server.call.started", 1, method);
        await watched.AssertAsync("grpc.server.call.duration", 2, $"{method} grpc.status=OK");
        await watched.AssertAsync("grpc.server.call.rcvd_total_compressed_message_size", 3, $"{method} grpc.status=OK");
        await watched.AssertAsync("grpc.server.call.sent_total_compressed_message_size", 5, $"{method} grpc.status=OK");
    }

    [Theory]
    [InlineData(MethodType.Unary, 3, 3)]
    [InlineData(MethodType.ClientStreaming, 7, 7)]
    [InlineData(MethodType.ServerStreaming, 3, 3)]
    [InlineData(MethodType.DuplexStreaming, 7, 7)]
    public async Task Sizes_are_those_of_all_messages_without_their_prefixes(MethodType kind, int requests, int responses)
    {
        await using Watched watched = await new Watched().StartAsync();
        await watched.CallAsync(kind);
        foreach (string[] sizes in new[] { s_clientSizes, s_serverSizes })
        {
            Assert.Equal(requests, Assert.Single(await watched.MeasuredAsync(sizes[0])).Value);
            Assert.Equal(responses, Assert.Single(await watched.MeasuredAsync(sizes[1])).Value);
        }
    }

    [Fact]
    public async Task Sizes_are_those_of_compressed_messages()
    {
        await using Watched watched = await new Watched().StartAsync(
            options =>
            {
                options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest));
                options.RequestCompressionAlgorithm = "gzip";
            },
            options =>
            {
                options.CompressionProviders.Add(new GzipCompressionProvider(CompressionLevel.Fastest));
                options.ResponseCompressionAlgorithm = "gzip";
            });
        await watched.CallAsync(new byte[100_000]);
        foreach (string size in s_clientSizes.Concat(s_serverSizes))
        {
            Assert.InRange(Assert.Single(await watched.MeasuredAsync(size)).Value, 1, 10_000);
        }
    }

    /// <summary>Both ends use the streams of unary calls again.</summary>
    [Fact]
    public async Task Sizes_are_those_of_one_call()
    {
        await using Watched watched = await new Watched().StartAsync();
        for (int i = 1; i <= 3; i++)
        {
            await watched.CallAsync();
            foreach (string size in s_clientSizes.Concat(s_serverSizes))
            {
                Assert.All(await watched.MeasuredAsync(size, i), one => Assert.Equal(3, one.Value));
            }
        }
    }

    /// <summary>An attempt is over when its status is there; messages that nobody reads have been received all the same.</summary>
    [Fact]
    public async Task Messages_that_were_not_read_are_counted()
    {
        await using Watched watched = await new Watched().StartAsync();
        using AsyncServerStreamingCall<byte[]> call = watched.Invoker.AsyncServerStreamingCall(watched.Spread, null, default, [1, 2, 3, 4]);
        Assert.Equal(4, Assert.Single(await watched.MeasuredAsync(s_clientSizes[1])).Value);
        Assert.Equal(4, Assert.Single(await watched.MeasuredAsync(s_serverSizes[1])).Value);
    }

    [Theory]
    [InlineData(StatusCode.NotFound, "NOT_FOUND")]
    [InlineData(StatusCode.Unauthenticated, "UNAUTHENTICATED")]
    [InlineData((StatusCode)99, "UNKNOWN")]
    [InlineData((StatusCode)(-1), "UNKNOWN")]
    public async Task A_failure_is_labelled_with_its_status(StatusCode code, string name)
    {
        await using var watched = new Watched();
        watched.Handlers.Unary = (_, _) => throw new RpcException(new Status(code, "no"));
        await watched.StartAsync();
        await watched.FailAsync();
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", name);
        await watched.AssertStatusesAsync("grpc.client.call.duration", name);
        await watched.AssertStatusesAsync("grpc.server.call.duration", name);
    }

    [Fact]
    public async Task A_handler_that_sets_a_status_or_throws_is_labelled_with_what_the_client_is_told()
    {
        await using var watched = new Watched();
        watched.Handlers.Unary = (request, context) =>
        {
            context.Status = request[0] == 1 ? new Status(StatusCode.Aborted, "no") : throw new InvalidOperationException("bug");
            return Task.FromResult(request);
        };
        await watched.StartAsync();
        await Assert.ThrowsAsync<RpcException>(() => watched.CallAsync([1]));
        await watched.AssertStatusesAsync("grpc.server.call.duration", "ABORTED");
        await Assert.ThrowsAsync<RpcException>(() => watched.CallAsync([2]));
        await watched.AssertStatusesAsync("grpc.server.call.duration", "ABORTED", "UNKNOWN");
    }

    /// <summary>What the handler said doesn't count if something else was sent.</summary>
    [Theory]
    [InlineData(1, "RESOURCE_EXHAUSTED")]
    [InlineData(2, "RESOURCE_EXHAUSTED")]
    [InlineData(3, "UNKNOWN")]
    public async Task Trailers_that_are_not_sent_make_the_status(byte how, string status)
    {
        await using var watched = new Watched();
        watched.Handlers.Unary = (request, context) =>
        {
            context.ResponseTrailers.Add("x", how == 3 ? "a\nb" : new string('x', 10_000));
            return how == 1 ? Task.FromResult(request) : throw new RpcException(new Status(StatusCode.NotFound, "no"));
        };
        await watched.StartAsync(options => options.MaxHeaderListSize = 5000);
        await watched.FailAsync();
        await watched.AssertStatusesAsync("grpc.server.call.duration", status);
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", status);
    }

    /// <summary>Clients may ask for any number of methods; each would be a series of its own.</summary>
    [Fact]
    public async Task Methods_that_the_server_has_not_are_one_to_its_metrics()
    {
        await using Watched watched = await new Watched { HearsOther = true }.StartAsync();
        Method<byte[], byte[]> missing = new(MethodType.Unary, watched.Service, "Missing", watched.Unary.RequestMarshaller, watched.Unary.ResponseMarshaller);
        await Assert.ThrowsAsync<RpcException>(() => watched.Invoker.AsyncUnaryCall(missing, null, default, [1]).ResponseAsync);
        await watched.UntilAsync(
            () => watched.Of("grpc.server.call.duration").Any(one => one.Labels == "grpc.method=other grpc.status=UNIMPLEMENTED"), "the refusal to be measured");
        Assert.Contains(watched.Of("grpc.server.call.started"), one => one.Labels == "grpc.method=other");
        Assert.DoesNotContain(watched.Of("grpc.server.call.started"), one => one.Labels.Contains("Missing", StringComparison.Ordinal));
        await watched.AssertStatusesAsync("grpc.client.attempt.duration", "UNIMPLEMENTED");
    }

    [Fact]
    public async Task A_request_that_is_refused_for_its_head_is_its_method_s()
    {
        await using var watched = new Watched();
        await using var server = new TestServer(null, null, watched.Bind());
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: true, [.. watched.RequestFields(), "grpc-encoding=odd"]);
        await client.ResponseAsync(1);
        await watched.AssertStatusesAsync("grpc.server.call.duration", "UNIMPLEMENTED");
        Assert.Single(await watched.MeasuredAsync("grpc.server.call.started"));
    }

    [Fact]
    public async Task What_is_no_gRPC_request_is_no_call()
    {
        await using var watched = new Watched();
        await using var server = new TestServer(null, null, watched.Bind());
        RawClient client = await server.StartAsync();
        string[] fields = watched.RequestFields("traceparent=00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"); // all in one trace, which is listened to
        await CallAsync(1);
        await client.HeadersAsync(3, endStream: true, [.. fields.Where(field => !field.StartsWith("content-type", StringComparison.Ordinal)), "content-type=text/html"]);
        await client.ResponseAsync(3);
        await CallAsync(5);
        await watched.AssertStatusesAsync("grpc.server.call.duration", "OK", "OK");
        Assert.All(await watched.SpansAsync(ActivityKind.Server, 2), span => Assert.Equal($"{watched.Service}/Unary", span.DisplayName));

        async Task CallAsync(int id)
        {
            await client.HeadersAsync(id, endStream: false, fields);
            await client.DataAsync(id, RawClient.Message(1), endStream: true);
            await client.ResponseAsync(id);
        }
    }

    [Fact]
    public async Task A_listener_that_throws_spoils_no_call_and_is_logged()
    {
        await using var watched = new Watched { OnTold = () => throw new InvalidOperationException("a listener") };
        await watched.StartAsync(options => options.LoggerFactory = watched.Log.Factory, options => options.LoggerFactory = watched.Log.Factory);
        await watched.CallAsync();
        await watched.CallAsync(MethodType.DuplexStreaming);
        await watched.MeasuredAsync("grpc.server.call.duration", 2);
        await watched.MeasuredAsync("grpc.client.call.duration", 2);
        await watched.SpansAsync(ActivityKind.Server, 2);
        await watched.SpansAsync(ActivityKind.Client, 2);
        await watched.Log.FindAsync(line => line == "Error: A listener to the metrics or spans of MiniGrpc threw an exception", "the failures to be logged");
    }

    /// <summary>Each of any number of names from outside would be a series of its own; those that a filter holds back are one.</summary>
    [Fact]
    public async Task Methods_and_targets_that_a_filter_holds_back_are_one_to_a_channel_s_metrics()
    {
        await using var watched = new Watched { HearsOther = true };
        List<string> asked = [];
        await watched.StartAsync(options =>
        {
            options.MethodAttributeFilter = method =>
            {
                asked.Add(method);
                return method == $"{watched.Service}/DuplexStreaming";
            };
            options.TargetAttributeFilter = target =>
            {
                asked.Add(target);
                return false;
            };
        });
        await watched.CallAsync();
        await watched.CallAsync();
        await watched.CallAsync(MethodType.DuplexStreaming);
        const string Other = "grpc.method=other grpc.target=other";
        string named = $"grpc.method={watched.Service}/DuplexStreaming grpc.target=other";
        foreach ((string instrument, string status) in new[]
        {
            ("grpc.client.attempt.started", ""), ("grpc.client.attempt.duration", " grpc.status=OK"), (s_clientSizes[0], " grpc.status=OK"),
            (s_clientSizes[1], " grpc.status=OK"), ("grpc.client.call.duration", " grpc.status=OK"),
        })
        {
            await watched.MeasuredAsync(instrument, 3);
            Assert.Equal([Other + status, Other + status, named + status], watched.Of(instrument).Select(one => one.Labels).Order(StringComparer.Ordinal));
        }

        string memory = watched.EndPoint.ToString();
        Assert.Equal([$"{watched.Service}/Unary", memory, $"{watched.Service}/DuplexStreaming", memory], asked); // once for each method
        Assert.Equal([$"{watched.Service}/Unary", $"{watched.Service}/Unary", $"{watched.Service}/DuplexStreaming"], (await watched.SpansAsync(ActivityKind.Client, 3)).Select(span => span.DisplayName));
        Assert.Equal(2, watched.Of("grpc.server.call.started").Count(one => one.Labels == $"grpc.method={watched.Service}/Unary"));
    }

    /// <summary>A filter is a listener's, and as little of the call's business.</summary>
    [Fact]
    public async Task A_filter_that_throws_holds_the_name_back_and_is_logged()
    {
        await using var watched = new Watched { HearsOther = true };
        await watched.StartAsync(options =>
        {
            options.LoggerFactory = watched.Log.Factory;
            options.MethodAttributeFilter = _ => throw new InvalidOperationException("a filter");
        });
        await watched.CallAsync();
        Assert.Equal($"grpc.method=other grpc.target={watched.EndPoint} grpc.status=OK", Assert.Single(await watched.MeasuredAsync("grpc.client.call.duration")).Labels);
        Assert.Contains("Error: A listener to the metrics or spans of MiniGrpc threw an exception", watched.Log.Lines);
    }
}
