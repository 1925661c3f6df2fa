using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>Field sections as large as we said that we take, and larger (RFC 9113 section 10.5.1).</summary>
public class HeaderListLimitTests
{
    /// <summary>A list of fields may be longer than what we said we take; then the request fails and the connection goes on.</summary>
    [Theory]
    [InlineData(60, 300)]
    [InlineData(101, 1)]
    [Requirement("9113-10.5.1-1")]
    public void A_header_list_over_the_limits_is_a_stream_error_and_the_table_stays_in_step(int fields, int valueLength)
    {
        var bench = new ReceiveBench(Role.Server);
        string value = new('v', valueLength);
        bench.Feed(bench.Request(1, endStream: true, [.. Enumerable.Repeat("many=" + value, fields)]));
        Assert.Equal(["1: stream error EnhanceYourCalm 10.5.1"], bench.Log);
        bench.Log.Clear();
        bench.Feed(bench.Request(3, endStream: true, "many=" + value));
        Assert.Equal([$"3: headers :method=POST;:scheme=http;:path=/a/B;many={value}; END_STREAM"], bench.Log);
    }

    [Theory]
    [InlineData(0, "headers")]
    [InlineData(1, "stream error EnhanceYourCalm")]
    [Requirement("grpc-requests-25")]
    public void A_header_list_of_exactly_the_limit_is_taken(int over, string report)
    {
        var server = new ReceiveBench(Role.Server);
        int pseudo = ":methodPOST".Length + ":schemehttp".Length + ":path/a/B".Length + (3 * 32);
        server.Feed(server.Request(1, endStream: true, "x=" + new string('v', 16_384 - pseudo - 33 + over)));
        Assert.StartsWith($"1: {report}", server.Log[0], StringComparison.Ordinal);

        var client = new ReceiveBench(Role.Client);
        client.Open(1);
        pseudo = ":status200".Length + 32;
        client.Feed(client.Headers(1, endStream: false, ":status=200", "x=" + new string('v', 16_384 - pseudo - 33 + over)));
        Assert.StartsWith($"1: {report}", client.Log[0], StringComparison.Ordinal);
    }
}
