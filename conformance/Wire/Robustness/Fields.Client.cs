using System.Net;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Attacks by what stands in a response's header lists, rows 21 to 23 and 26, and what a caller may not send.</summary>
public class FieldsOnTheClient
{
    /// <summary>Row 21, bad base64 (CVE-2023-32732).</summary>
    [Theory]
    [InlineData("headers", "not*base64")]
    [InlineData("trailers", "not*base64")]
    [InlineData("trailers only", "not*base64")]
    [InlineData("headers", "A")]
    [InlineData("trailers", "AQ==,A")]
    public async Task Row21_Bad_base64_fails_its_call(string place, string value)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.Internal,
            "'x-bin' is not base64",
            async (server, id) =>
            {
                string field = "x-bin=" + value;
                if (place == "trailers only")
                {
                    await server.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, "grpc-status=0", field]);
                    return;
                }

                await server.HeadersAsync(id, endStream: false, place == "headers" ? [.. RawServer.Headers200, field] : RawServer.Headers200);
                await server.DataAsync(id, RawClient.Message(1));
                await server.HeadersAsync(id, endStream: true, place == "trailers" ? ["grpc-status=0", field] : ["grpc-status=0"]);
            });
    }

    /// <summary>Row 21: a failure that the server states is kept; only the value is missing.</summary>
    [Fact]
    public async Task Row21_Bad_base64_does_not_hide_the_status_of_the_server()
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.NotFound,
            "gone",
            (server, id) => server.HeadersAsync(id, endStream: true, [.. RawServer.Headers200, "grpc-status=5", "grpc-message=gone", "x-bin=*"]),
            logged: "'x-bin' is not base64");
    }

    [Theory]
    [InlineData("AQ==", "01")]
    [InlineData("AQ", "01")]
    [InlineData("AQ==,AgM", "01 0203")]
    [InlineData("AQ, AgM=", "01 0203")]
    public async Task Row21_Base64_is_taken_in_every_form(string value, string octets)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        int id = attacked.NextId();
        using AsyncUnaryCall<byte[]> call = attacked.Channel.Unary([1]);
        await attacked.Attacker.RequestAsync(id);
        await attacked.Attacker.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, "x-bin=" + value]);
        await attacked.Attacker.DataAsync(id, RawClient.Message(1));
        await attacked.Attacker.HeadersAsync(id, endStream: true, "grpc-status=0", "y-bin=" + value);
        Assert.Equal([1], await RawPeer.Within(call.ResponseAsync, "the response"));
        Assert.Equal(octets, Hex((await call.ResponseHeadersAsync).GetAll("x-bin")));
        Assert.Equal(octets, Hex(call.GetTrailers().GetAll("y-bin")));
    }

    /// <summary>Row 22, CR, LF and NUL; row 23, fields that no message may have (RFC 9113 sections 8.2 and 8.3).</summary>
    [Theory]
    [MemberData(nameof(Malformed.Fields), MemberType = typeof(Malformed))]
    public async Task Row22_Row23_A_malformed_response_is_a_protocol_error_of_its_stream(string field)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        bool inTrailers = false;
        await attacked.OffendAsync(
            StatusCode.Internal,
            "(RFC 9113 section 8.",
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: false, inTrailers ? RawServer.Headers200 : [.. RawServer.Headers200, field]);
                if (inTrailers)
                {
                    await server.HeadersAsync(id, endStream: true, "grpc-status=0", field);
                }
                else
                {
                    await server.ExpectResetAsync(id, ErrorCode.ProtocolError);
                }

                inTrailers = !inTrailers;
            });
    }

    [Theory]
    [InlineData("content-type=application/grpc")]
    [InlineData(":status=200", ":status=200")]
    [InlineData("content-type=application/grpc", ":status=200")]
    [InlineData(":status=20")]
    [InlineData(":status=2000")]
    [InlineData(":status=abc")]
    [InlineData(":status=200", ":path=/")]
    [InlineData(":status=200", ":unknown=x")]
    [InlineData(":status=200", ":method=POST")]
    public async Task Row23_Malformed_pseudo_header_fields_are_a_protocol_error_of_their_stream(params string[] fields)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.Internal,
            "(RFC 9113 section 8.3",
            async (server, id) =>
            {
                await server.HeadersAsync(id, endStream: false, fields);
                await server.ExpectResetAsync(id, ErrorCode.ProtocolError);
            });
    }

    /// <summary>Row 26: RFC 9113 section 8.1.1.</summary>
    [Theory]
    [InlineData("5")]
    [InlineData("7")]
    [InlineData("six")]
    public async Task Row26_A_content_length_that_differs_from_the_data_fails_its_call(string length)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        await attacked.OffendAsync(
            StatusCode.Internal,
            "section 8.1.1)",
            (server, id) => server.SendAsync(o =>
            {
                server.Headers(o, id, endStream: false, [.. RawServer.Headers200, "content-length=" + length]);
                MiniGrpc.Wire.Http2.Frames.DataFrame.Write(o, id, RawClient.Message(1), endStream: false);
                server.Headers(o, id, endStream: true, "grpc-status=0");
            }));
    }

    /// <summary>Row 22, our own user's line breaks: nothing is sent, not even a connection is made.</summary>
    [Theory]
    [InlineData("a\r\nb: c")]
    [InlineData("a\nb")]
    [InlineData("a\rb")]
    [InlineData("a\0b")]
    [InlineData("h\u00e9")]
    public async Task Row22_Metadata_that_cannot_be_sent_is_an_argument_exception_before_anything_is_sent(string value)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        var options = new CallOptions(new Metadata { { "k", value } });
        Assert.Contains("'k'", Assert.Throws<ArgumentException>(() => attacked.Channel.Unary([1], options)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => attacked.Channel.Collect(options));
        Assert.Throws<ArgumentException>(() => attacked.Channel.Spread([1], options));
        Assert.Throws<ArgumentException>(() => attacked.Channel.Duplex(options));
        await attacked.Attacker.AssertNothingOnAsync(3);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 22: the names of methods and hosts stand in fields, too.</summary>
    [Theory]
    [InlineData("a\r\nb: c")]
    [InlineData("a b")]
    [InlineData("h\u00e9")]
    public async Task Row22_Names_that_cannot_be_sent_are_an_argument_exception_before_anything_is_sent(string name)
    {
        await using AttackedChannel attacked = await AttackedChannel.StartAsync();
        Marshaller<byte[]> octets = Marshallers.Create(o => o, o => o);
        var method = new Method<byte[], byte[]>(MethodType.Unary, "test", name, octets, octets);
        Assert.Throws<ArgumentException>(() => attacked.Channel.Invoker.AsyncUnaryCall(method, null, default, [1]));
        Assert.Throws<ArgumentException>(() => MiniChannel.ForEndPoint(new DnsEndPoint(name, 80)));
        await attacked.Attacker.AssertNothingOnAsync(3);
        await attacked.AssertUnharmedAsync();
    }

    private static string Hex(IEnumerable<Metadata.Entry> entries) => string.Join(' ', entries.Select(entry => Convert.ToHexString(entry.ValueBytes)));
}
