using System.Collections.Concurrent;
using System.Text;
using Grpc.Core;
using Microsoft.Extensions.Logging;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>Tokens are in no table of HPACK, no log and no wire trace, whatever they are called.</summary>
public class SecrecyTests
{
    private const string Token = "opensesame";

    /// <summary>Of several kinds: names that tell what they are, one that doesn't, and octets, which are base64 on the wire.</summary>
    private static readonly CallCredentials s_credentials = CallCredentials.FromInterceptor((_, metadata) =>
    {
        metadata.Add("authorization", "Bearer " + Token);
        metadata.Add("x-anything", Token);
        metadata.Add("x-anything-bin", Encoding.ASCII.GetBytes(Token));
        return Task.CompletedTask;
    });

    private static readonly string[] s_shown = [Token, Convert.ToBase64String(Encoding.ASCII.GetBytes(Token)).TrimEnd('='), Convert.ToHexString(Encoding.ASCII.GetBytes(Token))];

    /// <summary>RFC 7541 section 7.1.3: as literals that no table takes, each time.</summary>
    [Fact]
    public async Task On_the_wire_they_are_never_indexed()
    {
        await using var client = new TestChannel(options =>
        {
            options.UnsafeUseInsecureChannelCallCredentials = true;
            options.CallCredentials = s_credentials;
        });
        var decoder = new HpackDecoder();
        RawServer? server = null;
        foreach (int id in new[] { 1, 3 })
        {
            using AsyncUnaryCall<byte[]> call = client.Unary([1], new CallOptions(new Metadata { { "plain", "value" } }));
            server ??= await client.StartAsync();
            (RawFrame head, _) = await server.RequestAsync(id);
            var fields = new Fields(decoder);
            Assert.Null(decoder.Decode(head.Payload, fields));
            Assert.Equal(["authorization", "x-anything", "x-anything-bin"], fields.NeverIndexed);
            await server.ReplyAsync(id, 1);
            await RawPeer.Within(call.ResponseAsync, "the response");
        }
    }

    /// <summary>On neither end, of calls that succeed and of calls that fail.</summary>
    [Fact]
    public async Task No_trace_and_no_log_shows_them()
    {
        ConcurrentQueue<string> said = new();
        MemoryEndPoint endPoint = new();
        bool came = false;
        await using GrpcServer server = new(new GrpcServerOptions { LoggerFactory = new Logs(said), WireTrace = frame => said.Enqueue($"server {frame}") });
        server.Services.Add(EchoService.Bind((request, context) =>
        {
            came = context.RequestHeaders.GetValue("x-anything") == Token;
            return request[0] == 1 ? Task.FromResult(request) : throw new InvalidOperationException("no");
        }));
        server.Listen(endPoint, new ServerTls(TestCertificates.Server));
        await server.StartAsync();
        await using (MiniChannel channel = MiniChannel.ForEndPoint(endPoint, new MiniChannelOptions
        {
            Tls = new ClientTls { Roots = TestCertificates.Roots },
            CallCredentials = s_credentials,
            LoggerFactory = new Logs(said),
            WireTrace = frame => said.Enqueue($"client {frame}"),
        }))
        {
            await TlsSetup.CallAsync(channel, [1]);
            await Assert.ThrowsAsync<RpcException>(() => TlsSetup.CallAsync(channel, [2]));
        }

        Assert.True(came);
        Assert.All(said, line => Assert.All(s_shown, shown => Assert.DoesNotContain(shown, line, StringComparison.OrdinalIgnoreCase)));
        foreach (string end in new[] { "client ->", "server <-" })
        {
            string[] requests = [.. said.Where(line => line.StartsWith(end, StringComparison.Ordinal) && line.Contains(":path", StringComparison.Ordinal))];
            Assert.Equal(2, requests.Length);
            Assert.All(requests, line => Assert.Contains("[authorization: (not shown)] [x-anything: (not shown)] [x-anything-bin: (not shown)]", line, StringComparison.Ordinal));
        }
    }

    /// <summary>The names of the fields that came never indexed.</summary>
    private sealed class Fields(HpackDecoder decoder) : IFieldSink
    {
        public List<string> NeverIndexed { get; } = [];

        public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
        {
            if (decoder.IsNeverIndexed)
            {
                NeverIndexed.Add(Encoding.ASCII.GetString(name));
            }
        }
    }

    /// <summary>Everything that is logged, at whatever level, exceptions included.</summary>
    private sealed class Logs(ConcurrentQueue<string> said) : ILoggerFactory, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider) => throw new NotSupportedException();

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            said.Enqueue($"log {formatter(state, exception)} {exception}");

        public void Dispose()
        {
            // What was said is the test's.
        }
    }
}
