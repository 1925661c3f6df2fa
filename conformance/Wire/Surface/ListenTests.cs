using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.Wire.Surface;

public class ListenTests
{
    [Theory]
    [InlineData("", "empty")]
    [InlineData("127.0.0.1:50051", "expected http://host:port")]
    [InlineData("http://", "expected http://host:port")]
    [InlineData("ftp://127.0.0.1:21", "unknown scheme 'ftp'")]
    [InlineData("https://127.0.0.1:50051", "TLS")]
    [InlineData("http://127.0.0.1:50051/path", "has no path")]
    [InlineData("http://example.test:50051", "not a host name")]
    [InlineData("http://127.0.0.1:70000", "the port 70000 is more than 65535")]
    [InlineData("unix:", "path of a Unix socket")]
    public void An_address_that_cannot_be_listened_on_is_named_with_what_was_expected(string address, string expected)
    {
        GrpcServer server = new();

        ArgumentException error = Assert.ThrowsAny<ArgumentException>(() => server.Listen(address));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        if (address.Length > 0)
        {
            Assert.Contains($"'{address}'", error.Message, StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("127.0.0.1:50051", "expected http://host:port")]
    [InlineData("http://127.0.0.1:0", "port 0")]
    [InlineData("https://127.0.0.1:50051", "TLS")]
    [InlineData("ftp://host:1", "expected http://host:port")]
    [InlineData("dns://8.8.8.8/host:1", "a DNS server can't be chosen")]
    [InlineData("dns:///", "expected dns:///host:port")]
    [InlineData("dns:///host:0", "expected dns:///host:port")]
    [InlineData("dns:///user@host:1", "expected dns:///host:port")]
    [InlineData("dns:///host:1/path", "expected dns:///host:port")]
    [InlineData("ipv4:50051", "'50051' is no ipv4 address to connect to; expected ipv4:192.0.2.1:50051, more of them after commas; the port is 443 if it is left out")]
    [InlineData("ipv4:127.0.0.1:1,[::1]:2", "'[::1]:2' is no ipv4 address to connect to")]
    [InlineData("ipv6:[::1]:1,127.0.0.1:2", "'127.0.0.1:2' is no ipv6 address to connect to")]
    [InlineData("ipv6:", "'' is no ipv6 address to connect to")]
    public void An_address_that_cannot_be_connected_to_is_named_with_what_was_expected(string address, string expected)
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(() => MiniChannel.ForAddress(address));

        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
        Assert.Contains($"'{address}'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_named_and_nothing_is_left_open()
    {
        await using GrpcServer first = EchoService.CreateServer("http://127.0.0.1:0");
        await first.StartAsync();
        await using GrpcServer second = EchoService.CreateServer("http://127.0.0.1:0");
        second.Listen($"http://127.0.0.1:{first.Ports[0]}");

        IOException error = await Assert.ThrowsAsync<IOException>(second.StartAsync);

        Assert.Contains($"127.0.0.1:{first.Ports[0]}", error.Message, StringComparison.Ordinal);
        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
        Assert.Empty(second.Ports);
    }

    [Fact]
    public async Task A_memory_address_is_listened_on_once_and_is_free_again_afterwards()
    {
        MemoryEndPoint endPoint = new("one");
        GrpcServer first = new();
        first.Listen(endPoint);
        await first.StartAsync();
        await using GrpcServer second = new();
        second.Listen(endPoint);

        IOException error = await Assert.ThrowsAsync<IOException>(second.StartAsync);
        Assert.Contains("memory:one", error.Message, StringComparison.Ordinal);

        await first.DisposeAsync();
        await second.StartAsync();
    }

    [Fact]
    public async Task Every_address_serves_and_reports_its_real_port()
    {
        string path = Path.Combine(Path.GetTempPath(), $"minigrpc-{Guid.NewGuid():N}.sock");
        MemoryEndPoint memory = new();
        await using GrpcServer server = EchoService.CreateServer("http://127.0.0.1:0");
        server.Listen("http://*:0");
        server.Listen("http://[::1]:0");
        server.Listen("unix:" + path);
        server.Listen(memory);
        await server.StartAsync();

        Assert.Equal(3, server.Ports.Count);
        Assert.All(server.Ports, port => Assert.InRange(port, 1, 65535));
        Assert.Equal(5, server.Addresses.Count);
        foreach (string address in server.Addresses.SkipLast(1))
        {
            await using MiniChannel channel = MiniChannel.ForAddress(address);
            Assert.Equal([1, 2], await CallAsync(channel, [1, 2]));
        }

        await using MiniChannel inMemory = MiniChannel.ForEndPoint(memory);
        Assert.Equal([3], await CallAsync(inMemory, [3]));
    }

    [Fact]
    public async Task A_socket_file_left_behind_by_a_killed_process_is_replaced()
    {
        string path = Path.Combine(Path.GetTempPath(), $"minigrpc-{Guid.NewGuid():N}.sock");
        string killed = path + ".killed";
        using (Socket dead = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
        {
            // The framework removes a socket's file when the socket is closed; a second name for it stays, as after a kill.
            dead.Bind(new UnixDomainSocketEndPoint(killed));
            using Process link = Process.Start("ln", [killed, path]);
            await link.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        Assert.True(File.Exists(path));

        await using GrpcServer server = EchoService.CreateServer("unix:" + path);
        await server.StartAsync();
        await using MiniChannel channel = MiniChannel.ForAddress("unix:" + path);
        Assert.Equal([7], await CallAsync(channel, [7]));

        await server.DisposeAsync();
        Assert.False(File.Exists(path), "the socket's file must go with the server");
    }

    [Fact]
    public async Task A_file_that_is_no_socket_is_left_alone()
    {
        string path = Path.Combine(Path.GetTempPath(), $"minigrpc-{Guid.NewGuid():N}.txt");
        await File.WriteAllTextAsync(path, "somebody's", TestContext.Current.CancellationToken);
        await using GrpcServer server = EchoService.CreateServer("unix:" + path);

        await Assert.ThrowsAsync<IOException>(server.StartAsync);

        Assert.Equal("somebody's", await File.ReadAllTextAsync(path, TestContext.Current.CancellationToken));
        File.Delete(path);
    }

    [Fact]
    public async Task A_socket_file_that_somebody_listens_on_is_left_alone()
    {
        string path = Path.Combine(Path.GetTempPath(), $"minigrpc-{Guid.NewGuid():N}.sock");
        await using GrpcServer first = EchoService.CreateServer("unix:" + path);
        await first.StartAsync();
        await using GrpcServer second = EchoService.CreateServer("unix:" + path);

        IOException error = await Assert.ThrowsAsync<IOException>(second.StartAsync);

        Assert.Contains("in use", error.Message, StringComparison.Ordinal);
        await using MiniChannel channel = MiniChannel.ForAddress("unix:" + path);
        Assert.Equal([7], await CallAsync(channel, [7]));
    }

    [Fact]
    public async Task A_server_starts_once_and_needs_an_address()
    {
        await using GrpcServer without = new();
        Assert.Contains("Listen", (await Assert.ThrowsAsync<InvalidOperationException>(without.StartAsync)).Message, StringComparison.Ordinal);

        await using GrpcServer server = EchoService.CreateServer("http://127.0.0.1:0");
        await server.StartAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(server.StartAsync);
        Assert.Throws<InvalidOperationException>(() => server.Listen("http://127.0.0.1:0"));
    }

    [Fact]
    public async Task A_method_bound_twice_or_without_a_handler_is_refused_by_name()
    {
        await using GrpcServer twice = EchoService.CreateServer("http://127.0.0.1:0");
        twice.Services.Add(EchoService.Bind());
        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(twice.StartAsync);
        Assert.Contains("/echo.Echo/Unary", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nobody_listening_is_UNAVAILABLE_and_says_where()
    {
        using Socket reserved = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        reserved.Bind(new IPEndPoint(IPAddress.Loopback, 0)); // bound, not listening: connecting is refused
        int port = ((IPEndPoint)reserved.LocalEndPoint!).Port;
        await using MiniChannel channel = MiniChannel.ForAddress($"http://127.0.0.1:{port}");

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => CallAsync(channel, []));

        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Contains($"ipv4:127.0.0.1:{port}", error.Status.Detail, StringComparison.Ordinal);
        Assert.Contains("connection refused", error.Status.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP/1.x")]
    [InlineData("\u0015\u0003\u0003\u0000\u0002\u0002\u0028", "expects TLS")]
    [InlineData("SSH-2.0-x\r\n", "SETTINGS_MAX_FRAME_SIZE")]
    public async Task A_server_of_another_protocol_is_UNAVAILABLE_and_named(string greeting, string expected)
    {
        using Socket listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        listener.Listen();
        await using MiniChannel channel = MiniChannel.ForEndPoint(listener.LocalEndPoint!);
        Task<byte[]> call = CallAsync(channel, []);
        using Socket peer = await listener.AcceptAsync(TestContext.Current.CancellationToken);
        await peer.SendAsync(greeting.Select(c => (byte)c).ToArray());

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => call);

        Assert.Equal(StatusCode.Unavailable, error.StatusCode);
        Assert.Contains(expected, error.Status.Detail, StringComparison.Ordinal);
    }

    private static async Task<byte[]> CallAsync(MiniChannel channel, byte[] request) =>
        await channel.CreateCallInvoker().AsyncUnaryCall(EchoService.Unary, null, default, request).ResponseAsync.WithinLimit("the response");
}
