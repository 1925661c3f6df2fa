using System.Text.Json;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Programs;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>A client in Go (connect-go on Go's own HTTP/2) at our server, by way of <c>buf curl</c>.</summary>
public sealed class BufCurl
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_unary_call(bool tls)
    {
        JsonElement response = Assert.Single(await CallAsync(tls, "UnaryCall", """{"responseSize": 10, "fillServerId": true}"""));
        Assert.Equal(10, response.GetProperty("payload").GetProperty("body").GetBytesFromBase64().Length);
        Assert.NotEqual("", response.GetProperty("serverId").GetString());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_with_many_responses(bool tls)
    {
        List<JsonElement> responses = await CallAsync(
            tls, "StreamingOutputCall", """{"responseParameters": [{"size": 1}, {"size": 20000}, {"size": 3}]}""");
        Assert.Equal([1, 20_000, 3], responses.Select(response => response.GetProperty("payload").GetProperty("body").GetBytesFromBase64().Length));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_with_many_requests(bool tls)
    {
        const string Requests = """{"payload": {"body": "AAAA"}} {"payload": {"body": "AAAAAAAA"}}""";
        JsonElement response = Assert.Single(await CallAsync(tls, "StreamingInputCall", Requests));
        Assert.Equal(9, response.GetProperty("aggregatedPayloadSize").GetInt32());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_call_with_many_of_both(bool tls)
    {
        const string Requests = """{"responseParameters": [{"size": 1}]} {"responseParameters": [{"size": 2}, {"size": 3}]}""";
        List<JsonElement> responses = await CallAsync(tls, "FullDuplexCall", Requests);
        Assert.Equal([1, 2, 3], responses.Select(response => response.GetProperty("payload").GetProperty("body").GetBytesFromBase64().Length));
    }

    [Fact]
    public async Task A_status_and_its_message()
    {
        await using IRunningServer server = await Pair(tls: false).ServeAsync();
        await using PeerProcess client = await StartAsync(server, tls: false, "UnaryCall", """{"responseStatus": {"code": 9, "message": "not in this state"}}""");
        Assert.NotEqual(0, await client.ExitAsync());
        Assert.Contains("failed_precondition", client.Errors, StringComparison.Ordinal);
        Assert.Contains("not in this state", client.Errors, StringComparison.Ordinal);
    }

    private static SuitePair Pair(bool tls) => new(ClientIsOurs: true, ServerIsOurs: true, tls ? Transport.Tls : Transport.Tcp);

    private static async Task<List<JsonElement>> CallAsync(bool tls, string method, string requests)
    {
        await using IRunningServer server = await Pair(tls).ServeAsync();
        await using PeerProcess client = await StartAsync(server, tls, method, requests);
        byte[] output = System.Text.Encoding.UTF8.GetBytes(await client.OutputAsync());
        var responses = new List<JsonElement>();
        var reader = new Utf8JsonReader(output, new JsonReaderOptions { AllowMultipleValues = true });
        while (reader.Read())
        {
            responses.Add(JsonElement.ParseValue(ref reader));
        }

        return responses;
    }

    private static Task<PeerProcess> StartAsync(IRunningServer server, bool tls, string method, string requests) => NodeRuntime.StartBufCurlAsync(
        [
            .. tls ? (string[])["--cacert", PemFolder.Authority] : ["--http2-prior-knowledge"],
            "--data", requests, $"{server.Address.Uri}/grpc.testing.TestService/{method}",
        ]);
}
