using System.Security.Cryptography;
using System.Text.Json;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.Service;

namespace MiniGrpc.Conformance.Interop.PythonPrograms;

/// <summary>What a client in Python sees of our servers: each test has python/conformance_client.py run a case.</summary>
public sealed class PythonClientTests(PythonClientTests.Client client) : IClassFixture<PythonClientTests.Client>
{
    private const string Message = "\t100 %, %41 and %zz\r\nis BMP \u263a and non-BMP \U0001f608\t\r\n";

    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web);

    [Theory, Matrix]
    public Task Empty_messages_come_back(IServerPeer peer, bool tls) => AssertEchoAsync(peer, tls, "empty", 0);

    [Theory, Matrix]
    public Task Small_messages_come_back(IServerPeer peer, bool tls) => AssertEchoAsync(peer, tls, "small", 100);

    [Theory, Matrix]
    public Task Large_messages_come_back(IServerPeer peer, bool tls) => AssertEchoAsync(peer, tls, "large", 1 << 20);

    [Theory, Matrix]
    public async Task Streams_keep_their_order(IServerPeer peer, bool tls)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);

        Streams streams = await client.RunAsync<Streams>(server.Address, "streams");

        byte[] sent = [.. Enumerable.Range(0, 10).SelectMany(n => Enumerable.Repeat((byte)n, 1000))];
        Assert.Equal(10, streams.Received);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(sent)), streams.Sha256);
        Assert.Equal(Enumerable.Range(0, 10), streams.Down);
        Assert.Equal(Enumerable.Range(0, 10), streams.Both);
    }

    [Theory, Matrix]
    public async Task Metadata_come_back_in_headers_and_trailers(IServerPeer peer, bool tls)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);

        Dictionary<Kind, Result> results = await client.RunAsync<Dictionary<Kind, Result>>(server.Address, "metadata");

        string[] expected =
        [
            $"echo-data-bin: {Convert.ToHexStringLower([.. Enumerable.Range(0, 256).Select(i => (byte)i)])}",
            "echo-repeated: one,two",
            "echo-text: some text",
        ];
        foreach (Result result in OfAllKinds(results))
        {
            Assert.Equal(expected, Joined(result.Headers));
            Assert.Equal(expected, Joined(result.Trailers));
        }
    }

    [Theory, Matrix]
    public async Task Binary_values_of_a_repeated_key_keep_their_order(IServerPeer peer, bool tls)
    {
        Assert.SkipWhen(peer.RefusesRepeatedBinaryMetadata, $"{peer.Name} doesn't take repeated binary values.");
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);

        Dictionary<Kind, Result> results = await client.RunAsync<Dictionary<Kind, Result>>(server.Address, "repeated_binary");

        foreach (Result result in OfAllKinds(results))
        {
            Assert.Equal(["echo-repeated-bin: 010203", "echo-repeated-bin: 04"], result.Headers);
            Assert.Equal(["echo-repeated-bin: 010203", "echo-repeated-bin: 04"], result.Trailers);
        }
    }

    [Theory, Matrix]
    public async Task Every_status_arrives_with_its_message(IServerPeer peer, bool tls)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);

        Result[] results = await client.RunAsync<Result[]>(server.Address, "statuses");

        Assert.Equal(2 * 17 * 4, results.Length);
        foreach (Result result in results)
        {
            Assert.Equal(result.Sent, result.Code);
            Assert.Equal(Message, result.Detail);
        }
    }

    [Theory, Matrix]
    public async Task A_deadline_ends_the_call_on_both_sides(IServerPeer peer, bool tls)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);
        CallWatch watch = server.Service.Watch(calls: 4);

        Dictionary<Kind, Result> results = await client.RunAsync<Dictionary<Kind, Result>>(server.Address, "deadline", watch.CallId);

        Assert.All(OfAllKinds(results), result => Assert.Equal(StatusCode.DeadlineExceeded, (StatusCode)result.Code));
        await watch.Cancelled.WithinLimit("the handler's token fires");
    }

    [Theory, Matrix]
    public async Task Cancelling_ends_the_call_on_both_sides(IServerPeer peer, bool tls)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);
        CallWatch watch = server.Service.Watch(calls: 4);

        Dictionary<Kind, Result> results = await client.RunAsync<Dictionary<Kind, Result>>(
            server.Address, "cancellation", watch.CallId, () => watch.Waiting.WithinLimit("the handlers wait"));

        Assert.All(OfAllKinds(results), result => Assert.Equal(StatusCode.Cancelled, (StatusCode)result.Code));
        await watch.Cancelled.WithinLimit("the handler's token fires");
    }

    [Theory, Matrix]
    public async Task Compressed_messages_arrive_and_are_compressed_on_the_wire(IServerPeer peer, bool tls)
    {
        const int size = 1 << 20;
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);
        await using Relay relay = new(server.Address);

        Dictionary<Kind, Result> results = await client.RunAsync<Dictionary<Kind, Result>>(relay.Address, "gzip");

        string expected = Convert.ToHexStringLower(SHA256.HashData(new byte[size]));
        Assert.All(OfAllKinds(results), result => Assert.Equal([expected], result.Sha256));
        Assert.InRange(relay.BytesUp, 1, size / 10);
        Assert.InRange(relay.BytesDown, 1, size / 10);
    }

    [Theory, Matrix]
    public async Task Messages_over_the_limit_end_their_call(IServerPeer peer, bool tls)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);

        Result[] results = await client.RunAsync<Result[]>(server.Address, "too_large");

        Assert.Equal(8, results.Length);
        Assert.All(results, result => Assert.Equal(StatusCode.ResourceExhausted, (StatusCode)result.Code));
    }

    [Theory, Matrix]
    public async Task An_unknown_method_is_UNIMPLEMENTED(IServerPeer peer, bool tls)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);

        int code = await client.RunAsync<int>(server.Address, "unimplemented");

        Assert.Equal(StatusCode.Unimplemented, (StatusCode)code);
    }

    /// <summary>One line a key, as RFC 9110 section 5.2 permits to combine fields; across keys there is no order to keep.</summary>
    private static IEnumerable<string> Joined(string[] fields) => fields
        .Select(field => field.Split(": ", 2))
        .GroupBy(field => field[0], field => field[1])
        .Select(key => $"{key.Key}: {string.Join(',', key)}")
        .Order(StringComparer.Ordinal);

    private async Task AssertEchoAsync(IServerPeer peer, bool tls, string @case, int size)
    {
        await using HostedServer server = await HostedServer.StartAsync(peer, tls ? Transport.Tls : Transport.Tcp, setup => setup);

        Dictionary<Kind, Result> results = await client.RunAsync<Dictionary<Kind, Result>>(server.Address, @case);

        string expected = Convert.ToHexStringLower(SHA256.HashData(Pattern.Bytes(size).Span));
        Assert.All(OfAllKinds(results), result => Assert.Equal([expected], result.Sha256));
    }

    private static IReadOnlyCollection<Result> OfAllKinds(Dictionary<Kind, Result> results)
    {
        Assert.Equal(Enum.GetValues<Kind>(), results.Keys.Order());
        return results.Values;
    }

    /// <summary>How one call went.</summary>
    private sealed record Result(int Sent, int Code, string Detail, string[] Sha256, string[] Headers, string[] Trailers);

    private sealed record Streams(int Received, string Sha256, int[] Down, int[] Both);

    /// <summary>The program, started when the first test asks for it, and again for the test after one that failed.</summary>
    public sealed class Client : IAsyncDisposable
    {
        private PeerProcess? _process;

        /// <summary>Runs a case and returns what came of it.</summary>
        /// <param name="address">The server.</param>
        /// <param name="name">The case.</param>
        /// <param name="callId">The calls, for a server that watches them.</param>
        /// <param name="untilReady">For a case that waits in its midst: when it may go on.</param>
        internal async Task<T> RunAsync<T>(ServerAddress address, string name, string callId = "", Func<Task>? untilReady = null)
        {
            PeerProcess process = _process ?? await PythonRuntime.StartAsync("conformance_client.py");
            _process = null;
            try
            {
                string roots = address.Transport == Transport.Tls ? PemFolder.Authority : "";
                await process.WriteLineAsync(JsonSerializer.Serialize<string[]>([$"127.0.0.1:{address.Port}", roots, name, callId]));
                if (untilReady is not null)
                {
                    await untilReady();
                    await process.WriteLineAsync();
                }

                T result = JsonSerializer.Deserialize<T>(await process.ReadLineAsync($"the result of {name}"), s_json)!;
                _process = process;
                return result;
            }
            finally
            {
                if (_process is null)
                {
                    await process.DisposeAsync();
                }
            }
        }

        public ValueTask DisposeAsync() => _process?.DisposeAsync() ?? ValueTask.CompletedTask;
    }
}
