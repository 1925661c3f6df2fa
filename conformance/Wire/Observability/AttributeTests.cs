using Microsoft.Extensions.Logging.Abstractions;
using MiniGrpc.Client;
using MiniGrpc.Client.Diagnostics;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Diagnostics;

namespace MiniGrpc.Conformance.Wire.Observability;

/// <summary>Where spans say that the server is, and what of a trace context can be metadata.</summary>
public class AttributeTests
{
    [Theory]
    [InlineData("http://example.com", "example.com:80")]
    [InlineData("http://example.com:8080", "example.com:8080")]
    [InlineData("http://[::1]:8080", "::1:8080")]
    [InlineData("HTTP://example.com", "example.com:80")]
    [InlineData("unix:/tmp/a.sock", "/tmp/a.sock")]
    [InlineData("unix:///tmp/a.sock", "/tmp/a.sock")]
    [InlineData("dns:///example.com:50051", "example.com:50051")]
    [InlineData("dns:example.com", "example.com")]
    [InlineData("ipv4:192.0.2.1:50051,192.0.2.2:50052", "192.0.2.1:50051")]
    [InlineData("ipv6:[2001:db8::1]:50051", "2001:db8::1:50051")]
    public void A_target_names_host_and_port(string target, string expected) =>
        Assert.Equal(expected, ServerOf(target, new MiniChannelOptions()));

    [Fact]
    public void The_port_of_TLS_is_443() =>
        Assert.Equal("example.com:443", ServerOf("https://example.com", new MiniChannelOptions { Tls = new ClientTls() }));

    [Theory]
    [InlineData("example.com", "example.com")]
    [InlineData("example.com:1", "example.com:1")]
    [InlineData("[::1]", "::1")]
    [InlineData("[::1]:1", "::1:1")]
    [InlineData("example.com:x", "example.com:x")]
    [InlineData("example.com:+1", "example.com:+1")]
    [InlineData("1", "1")]
    [InlineData("", "")]
    public void An_authority_names_a_host_and_perhaps_a_port(string authority, string expected) =>
        Assert.Equal(expected, Join(Telemetry.ServerAttributes(authority)));

    [Theory]
    [InlineData("traceparent", "00-1-2-01", true)]
    [InlineData("x-b3", " a b ", true)]
    [InlineData("", "value", false)]
    [InlineData("x+y", "value", false)]
    [InlineData("größe", "value", false)]
    [InlineData("trace-bin", "value", false)]
    [InlineData("te", "value", false)]
    [InlineData("grpc-timeout", "1S", false)]
    [InlineData("baggage", "größe", false)]
    [InlineData("baggage", "a\nb: c", false)]
    public void A_propagator_s_field_that_can_not_be_sent_is_known(string name, string value, bool expected) =>
        Assert.Equal(expected, MetadataCodec.CanBeSent(name, value));

    private static string ServerOf(string target, MiniChannelOptions options) =>
        Join(new CallLabels("/service/Method", Target.Parse(target, options), options, NullLogger.Instance).SpanAttributes);

    private static string Join(IEnumerable<KeyValuePair<string, object?>> attributes) =>
        string.Join(':', attributes.Where(one => one.Key is "server.address" or "server.port").Select(one => one.Value));
}
