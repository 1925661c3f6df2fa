using System.Net;
using System.Text;
using Microsoft.Extensions.Logging.Abstractions;
using MiniGrpc.Client;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Balancing;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Wire.Resolving;

/// <summary>gRPC's "name syntax" document: what a channel's target may be, the addresses it stands for, and what servers are told.</summary>
public class TargetTests
{
    [Theory]
    [InlineData("ipv4:192.0.2.1:50051", "192.0.2.1:50051", "192.0.2.1:50051")]
    [InlineData("ipv4:192.0.2.1:1, 192.0.2.2:2", "192.0.2.1:1", "192.0.2.1:1 192.0.2.2:2")]
    [InlineData("ipv4:192.0.2.1", "192.0.2.1:443", "192.0.2.1:443")]
    [InlineData("ipv4:192.0.2.1,192.0.2.2:2,192.0.2.3", "192.0.2.1:443", "192.0.2.1:443 192.0.2.2:2 192.0.2.3:443")]
    [InlineData("ipv6:[2001:db8::1]", "[2001:db8::1]:443", "[2001:db8::1]:443")]
    [InlineData("ipv6:2001:db8::1", "[2001:db8::1]:443", "[2001:db8::1]:443")]
    [InlineData("ipv6:::1, [::1]:2, 2001:db8::443", "[::1]:443", "[::1]:443 [::1]:2 [2001:db8::443]:443")]
    [InlineData("ipv6:%5B::1%5D", "[::1]:443", "[::1]:443")]
    [InlineData("ipv6:fe80::1%3", "[fe80::1]:443", "[fe80::1%3]:443")]
    [InlineData("ipv6:[2001:db8::1]:50051", "[2001:db8::1]:50051", "[2001:db8::1]:50051")]
    [InlineData("ipv6:[::1]:1,[2001:db8::2]:2", "[::1]:1", "[::1]:1 [2001:db8::2]:2")]
    [InlineData("IPV6:%5B::1%5D:1", "[::1]:1", "[::1]:1")]
    [InlineData("ipv6:[fe80::1%3]:1", "[fe80::1]:1", "[fe80::1%3]:1")]
    [InlineData("ipv6:[fe80::1%253]:1", "[fe80::1]:1", "[fe80::1%3]:1")]
    [InlineData("ipv6:[fe80::1%10]:1", "[fe80::1]:1", "[fe80::1%10]:1")]
    [InlineData("http://[::1]:1", "[::1]:1", "[::1]:1")]
    [InlineData("http://[fe80::1%253]:1", "[fe80::1]:1", "[fe80::1%3]:1")]
    [InlineData("dns:///[::1]:1", "[::1]:1", "[::1]:1")]
    [InlineData("dns:192.0.2.1", "192.0.2.1", "192.0.2.1:80")]
    [InlineData("unix:/tmp/a.sock", "localhost", "/tmp/a.sock")]
    [InlineData("unix:///tmp/a.sock", "localhost", "/tmp/a.sock")]
    [InlineData("unix:a.sock", "localhost", "a.sock")]
    public void A_target_stands_for_addresses_and_a_name(string text, string authority, string addresses)
    {
        MiniChannelOptions options = new();
        Target target = Target.Parse(text, options);
        Assert.Equal(authority, target.Authority);
        Assert.Equal(text, target.Text);
        Assert.Equal(addresses, Resolve(target, options));
    }

    [Theory]
    [InlineData("ipv6:::1:50051", "'::1:50051' is no ipv6 address to connect to; expected ipv6:[2001:db8::1]:50051")]
    [InlineData("ipv6:[::1", "'[::1' is no ipv6 address to connect to")]
    [InlineData("ipv6:[::1]:", "'[::1]:' is no ipv6 address to connect to")]
    [InlineData("ipv4:192.0.2.1:", "'192.0.2.1:' is no ipv4 address to connect to")]
    [InlineData("ipv4:192.0.2.1:0", "'192.0.2.1:0' is no ipv4 address to connect to")]
    [InlineData("ipv4:192.0.2.1:65536", "'192.0.2.1:65536' is no ipv4 address to connect to")]
    [InlineData("ipv4:192.0.2:1", "'192.0.2:1' is no ipv4 address to connect to")]
    [InlineData("ipv4:::1", "'::1' is no ipv4 address to connect to")]
    [InlineData("ipv6:192.0.2.1", "'192.0.2.1' is no ipv6 address to connect to")]
    [InlineData("ipv4:192.0.2.1,443", "'443' is no ipv4 address to connect to")]
    [InlineData("ipv6:[::1]:0", "'[::1]:0' is no ipv6 address to connect to")]
    [InlineData("ipv6:[::1]:65536", "'[::1]:65536' is no ipv6 address to connect to")]
    [InlineData("ipv6:[::1]:1,", "'' is no ipv6 address to connect to")]
    [InlineData("ipv6:[::1]:1,localhost:2", "'localhost:2' is no ipv6 address to connect to")]
    [InlineData("ipv6:[fe80::1%]:1", "is no ipv6 address to connect to")]
    [InlineData("ipv6:[fe80::1%nosuchthing]:1", "is no ipv6 address to connect to")]
    [InlineData("ipv6://[::1]:1", "is no ipv6 address to connect to")]
    [InlineData("unix://tmp/a.sock", "expected unix:///absolute/path, unix:/absolute/path or unix:relative/path")]
    [InlineData("http://127.0.0.1:65536", "'http://127.0.0.1:65536' is no address: the port 65536 is more than 65535")]
    [InlineData("http://*:50051", "every interface (* or +) can be listened on, not connected to")]
    [InlineData("127.0.0.1:50051", "; did you mean http://127.0.0.1:50051?")]
    [InlineData("localhost:50051", "; did you mean http://localhost:50051?")]
    [InlineData("unix:", "the path of a Unix socket has 1 to about 107 octets")]
    public void What_is_no_target_is_named_with_what_was_expected(string text, string expected)
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(() => MiniChannel.ForAddress(text));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{text}'", error.Message, StringComparison.Ordinal);
    }

    /// <summary>What stands behind the scheme is for the resolver to understand, and the name that servers are told; they expect some.</summary>
    [Theory]
    [InlineData("hand:///backends", "backends")]
    [InlineData("HAND:///backends", "backends")]
    [InlineData("hand:///", "localhost")]
    public void A_target_of_the_users_is_named_by_its_path(string text, string authority)
    {
        var options = new MiniChannelOptions { ResolverFactories = { new HandResolver() } };
        Assert.Equal(authority, Target.Parse(text, options).Authority);
    }

    /// <summary>A transport of the user's finds its way alone.</summary>
    [Fact]
    public void A_host_that_the_user_connects_to_is_not_looked_up()
    {
        var options = new MiniChannelOptions { Connect = _ => throw new InvalidOperationException("nothing is connected") };
        Assert.EndsWith("host.test:1", Resolve(Target.Parse("dns:///host.test:1", options), options), StringComparison.Ordinal);
    }

    [Fact]
    public void An_end_points_zone_is_not_told_to_servers()
    {
        Assert.Equal("[fe80::1]:1", Target.Of(IPEndPoint.Parse("[fe80::1%3]:1")).Authority);
        Assert.Equal("fe80::1", Target.Of(IPEndPoint.Parse("[fe80::1%3]:1")).Host);
        Assert.Equal("192.0.2.1:1", Target.Of(IPEndPoint.Parse("192.0.2.1:1")).Authority);
    }

    [Theory]
    [InlineData("ipv6:[::1]:{0}")]
    [InlineData("ipv6:[::1%1]:{0}")]
    [InlineData("ipv6:[::1%251]:{0}")]
    public async Task Calls_reach_a_server_by_ipv6(string text)
    {
        await using GrpcServer server = EchoService.CreateServer("http://[::1]:0", EchoService.Bind((_, context) => Task.FromResult(Encoding.ASCII.GetBytes(context.Host))));
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForAddress(string.Format(System.Globalization.CultureInfo.InvariantCulture, text, server.Ports[0]));
        byte[] host = await channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, default, [1]).ResponseAsync.WithinLimit("the response");
        Assert.Equal($"[::1]:{server.Ports[0]}", Encoding.ASCII.GetString(host));
    }

    private static string Resolve(Target target, MiniChannelOptions options)
    {
        ResolverResult? found = null;
        using Resolver resolver = target.CreateResolver(options, NullLogger.Instance, work => work());
        resolver.Start(result => found = result);
        return string.Join(' ', found!.Addresses.Select(address => address.EndPoint.ToString()));
    }
}
