using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>What a call carries of its caller's span, and what the server takes from it (W3C Trace Context, W3C Baggage).</summary>
public class PropagationTests
{
    private const string TraceParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    /// <summary>As with HttpClient: what the server does belongs to the span that the caller is in.</summary>
    [Fact]
    public async Task Without_a_span_of_its_own_a_call_carries_its_caller_s()
    {
        await using var watched = new Watched(traces: false);
        await watched.StartAsync();
        Assert.DoesNotContain(await SentAsync(watched), entry => entry.Key is "traceparent" or "tracestate" or "baggage");

        using Activity caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();
        caller.TraceStateString = "vendor=1";
        caller.AddBaggage("tenant", "7");
        Metadata sent = await SentAsync(watched);
        Assert.Equal(caller.Id, Assert.Single(sent, entry => entry.Key == "traceparent").Value);
        Assert.Equal("vendor=1", sent.GetValue("tracestate"));
        Assert.Equal("tenant=7", sent.GetValue("baggage")!.Replace(" ", "", StringComparison.Ordinal));
    }

    [Fact]
    public async Task State_and_baggage_travel_along()
    {
        await using var watched = new Watched();
        string? tenant = null;
        watched.Handlers.Unary = (request, _) =>
        {
            tenant = Activity.Current?.GetBaggageItem("tenant");
            return Task.FromResult(request);
        };
        await watched.StartAsync();
        using Activity caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();
        caller.TraceStateString = "vendor=1";
        caller.AddBaggage("tenant", "7");
        await watched.CallAsync();
        Assert.Equal("7", tenant);
        Assert.Equal("vendor=1", Assert.Single(await watched.SpansAsync(ActivityKind.Server)).TraceStateString);
    }

    /// <summary>Of two items with one name the one that was added last counts, on either side.</summary>
    [Fact]
    public async Task Baggage_keeps_its_order()
    {
        await using var watched = new Watched();
        KeyValuePair<string, string?>[] seen = [];
        watched.Handlers.Unary = (request, _) =>
        {
            seen = [.. Activity.Current!.Baggage];
            return Task.FromResult(request);
        };
        await watched.StartAsync();
        using Activity caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();
        caller.AddBaggage("tenant", "7").AddBaggage("zone", "a").AddBaggage("tenant", "8");
        await watched.CallAsync();
        Assert.Equal(caller.Baggage, seen);
    }

    /// <summary>Who passes a trace on by hand knows better; and its state would belong to another trace.</summary>
    [Fact]
    public async Task What_the_caller_gives_as_metadata_is_left_as_it_is()
    {
        await using var watched = new Watched(traces: false);
        await watched.StartAsync();
        using Activity caller = new Activity("caller").SetIdFormat(ActivityIdFormat.W3C).Start();
        caller.TraceStateString = "vendor=1";
        Metadata sent = await SentAsync(watched, new CallOptions(new Metadata { { "traceparent", TraceParent } }));
        Assert.Equal(TraceParent, Assert.Single(sent, entry => entry.Key == "traceparent").Value);
        Assert.DoesNotContain(sent, entry => entry.Key == "tracestate");
    }

    [Theory]
    [InlineData("traceparent=no traceparent")]
    [InlineData("traceparent=" + TraceParent, "traceparent=" + TraceParent)]
    [InlineData]
    public async Task A_request_that_names_no_parent_begins_a_trace(params string[] more)
    {
        await using var watched = new Watched();
        await using var server = new TestServer(null, null, watched.Bind());
        RawClient client = await server.StartAsync();
        await client.HeadersAsync(1, endStream: false, watched.RequestFields(more));
        await client.DataAsync(1, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(1)).Status);
        Assert.Null(Assert.Single(await watched.SpansAsync(ActivityKind.Server)).ParentId);
    }

    /// <summary>The metadata of a call, as its handler sees it.</summary>
    private static async Task<Metadata> SentAsync(Watched watched, CallOptions options = default)
    {
        Metadata? seen = null;
        watched.Handlers.Unary = (request, context) =>
        {
            seen = context.RequestHeaders;
            return Task.FromResult(request);
        };
        await watched.CallAsync(options: options);
        return seen!;
    }
}
