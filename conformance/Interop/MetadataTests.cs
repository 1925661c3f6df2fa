using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>
/// Custom metadata travels in the request headers, the response headers and the trailers
/// (gRPC over HTTP/2, Custom-Metadata). The service echoes what it gets under <c>echo-</c> names in both of the latter.
/// </summary>
public sealed class MetadataTests
{
    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Text_comes_back_in_headers_and_trailers(Pair pair, Kind kind)
    {
        Metadata sent = new()
        {
            { "echo-text", "some text" },
            { "echo-punctuation", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~" },
            { "echo-name_with.all-kinds0123456789", "x" },
            { "echo-long", new string('x', 2000) },
        };

        await AssertEchoedAsync(pair, kind, sent);
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Binary_comes_back_in_headers_and_trailers(Pair pair, Kind kind)
    {
        Metadata sent = new()
        {
            { "echo-all-bin", [.. Enumerable.Range(0, 256).Select(i => (byte)i)] },
            { "echo-one-bin", [0] },
            { "echo-two-bin", [0xff, 0xfe] },
            { "echo-three-bin", [0xab, 0xab, 0xab] },
        };

        await AssertEchoedAsync(pair, kind, sent);
    }

    [Theory, Matrix]
    public async Task An_empty_value_is_a_value(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        CallOptions options = watch.Options;
        options.Headers!.Add("echo-empty", "");
        options.Headers.Add("echo-empty-bin", []);
        using AnyCall call = await AnyCall.StartAsync(session.Client, kind, options, new Request());

        Outcome outcome = await call.FinishAsync();

        outcome.AssertEndedWith(StatusCode.OK);
        string[] expected = ["echo-empty: ", "echo-empty-bin: "];
        Assert.Equal(expected, Joined(watch.RequestHeaders));
        Assert.Equal(pair.Server.DropsEmptyMetadata ? [] : expected, Joined(await call.HeadersAsync()));
        Assert.Equal(pair.Server.DropsEmptyMetadata ? [] : expected, Joined(outcome.Trailers));
    }

    // RFC 9110 section 5.2: repeated fields may be combined into one, their values in order, joined with a comma.
    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Values_of_a_repeated_key_keep_their_order(Pair pair, Kind kind)
    {
        Metadata sent = new()
        {
            { "echo-repeated", "one" },
            { "echo-other", "between" },
            { "echo-repeated", "two" },
            { "echo-repeated", "three" },
        };

        await AssertEchoedAsync(pair, kind, sent);
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Binary_values_of_a_repeated_key_keep_their_order(Pair pair, Kind kind)
    {
        Assert.SkipWhen(pair.Server.RefusesRepeatedBinaryMetadata, $"{pair.Server.Name} doesn't take repeated binary values.");
        Assert.SkipWhen(
            pair.Client.JoinsRepeatedMetadata && pair.Server.RefusesJoinedBinaryMetadata,
            $"{pair.Client.Name} joins the values of a repeated key, and {pair.Server.Name} doesn't take joined binary values.");
        Metadata sent = new()
        {
            { "echo-repeated-bin", [1, 2, 3] },
            { "echo-repeated-bin", [4] },
            { "echo-repeated-bin", [5, 6] },
        };

        await AssertEchoedAsync(pair, kind, sent);
    }

    [Theory, Matrix]
    public async Task Headers_can_be_read_before_the_first_message(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        CallWatch watch = session.Watch();
        CallOptions options = watch.Options;
        options.Headers!.Add("echo-text", "early");
        Request request = new() { Headers = Headers.First, Answer = new Answer(), Then = Then.AwaitRelease };
        using AnyCall call = await AnyCall.StartAsync(session.Client, kind, options, request);

        Metadata headers = await call.HeadersAsync();

        Assert.Equal("early", headers.GetValue("echo-text"));
        Assert.False(watch.Ended.IsCompleted);
        watch.Release();
        (await call.FinishAsync()).AssertEndedWith(StatusCode.OK);
    }

    private static async Task AssertEchoedAsync(Pair pair, Kind kind, Metadata sent)
    {
        await using Session session = await pair.ConnectAsync();
        using AnyCall call = await AnyCall.StartAsync(session.Client, kind, new CallOptions(sent), new Request());

        Outcome outcome = await call.FinishAsync();

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal(Joined(sent), Joined(await call.HeadersAsync()));
        Assert.Equal(Joined(sent), Joined(outcome.Trailers));
    }

    /// <summary>One line a key, with all its values, so that combined and repeated fields compare as equal, whatever space the comma has behind it.</summary>
    private static List<string> Joined(Metadata metadata) =>
    [
        .. metadata
            .Where(entry => entry.Key.StartsWith("echo-", StringComparison.Ordinal))
            .GroupBy(entry => entry.Key, entry => entry.IsBinary ? Convert.ToHexString(entry.ValueBytes) : entry.Value)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => $"{group.Key}: {string.Join(',', group).Replace(", ", ",", StringComparison.Ordinal)}"),
    ];
}
