using System.Collections.Concurrent;
using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Client;
using MiniGrpc.Client.Configuration;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Conformance.Wire.Surface;
using MiniGrpc.Server;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>What call credentials are told, and what becomes of a call whose credentials throw, are cancelled, or come too late.</summary>
public class AuthInterceptorTests
{
    private const string Retry = """
        {"methodConfig": [{"name": [{}], "retryPolicy": {"maxAttempts": 2, "initialBackoff": "0.001s", "maxBackoff": "0.001s", "backoffMultiplier": 1, "retryableStatusCodes": ["UNAVAILABLE"]}}]}
        """;

    private static readonly ClientTls s_trusting = new() { Roots = TestCertificates.Roots };
    private static readonly AsyncLocal<string?> s_ambient = new();
    private readonly ConcurrentQueue<Metadata> _received = new();

    /// <summary>The service's URL as grpc-dotnet and the C core have it: the audience of a JWT has to be the same text whichever client asks for it.</summary>
    [Theory]
    [InlineData("https://example.test", "https://example.test/echo.Echo")]
    [InlineData("https://example.test:443", "https://example.test/echo.Echo")]
    [InlineData("https://example.test:4430", "https://example.test:4430/echo.Echo")]
    [InlineData("dns:///example.test", "https://example.test/echo.Echo")]
    [InlineData("dns:///example.test:443", "https://example.test/echo.Echo")]
    [InlineData("dns:///example.test:8443", "https://example.test:8443/echo.Echo")]
    [InlineData("ipv4:192.0.2.1:443,192.0.2.2:8443", "https://192.0.2.1/echo.Echo")]
    [InlineData("ipv4:192.0.2.1", "https://192.0.2.1/echo.Echo")]
    [InlineData("ipv6:[2001:db8::1]:443", "https://[2001:db8::1]/echo.Echo")]
    [InlineData("unix:/tmp/a.sock", "https://localhost/echo.Echo")]
    [InlineData("http://example.test:443", "http://example.test:443/echo.Echo")]
    public async Task They_are_told_the_service_and_the_method(string address, string serviceUrl)
    {
        AuthInterceptorContext? asked = null;
        bool tls = !address.StartsWith("http:", StringComparison.Ordinal);
        await using MiniChannel channel = MiniChannel.ForAddress(address, new MiniChannelOptions { Tls = tls ? s_trusting : null, UnsafeUseInsecureChannelCallCredentials = !tls });
        await AssertFailsAsync(channel, StatusCode.Unavailable, "that will do", (context, _) =>
        {
            asked = context;
            throw new IOException("that will do"); // before anything is connected
        });
        Assert.Equal((serviceUrl, "Unary"), (asked!.ServiceUrl, asked.MethodName));
        Assert.Empty(channel.Core.Connections);
    }

    /// <summary>gRFC A54: what this end decides doesn't look like a server's judgement of the request, and never like success.</summary>
    [Theory]
    [InlineData(StatusCode.OK)]
    [InlineData(StatusCode.InvalidArgument)]
    [InlineData(StatusCode.NotFound)]
    [InlineData(StatusCode.AlreadyExists)]
    [InlineData(StatusCode.FailedPrecondition)]
    [InlineData(StatusCode.Aborted)]
    [InlineData(StatusCode.OutOfRange)]
    [InlineData(StatusCode.DataLoss)]
    public async Task A_status_that_only_servers_give_becomes_INTERNAL(StatusCode code)
    {
        await using TlsSetup setup = await StartAsync();
        await AssertFailsAsync(
            setup.Connect(s_trusting), StatusCode.Internal, $"The call credentials failed with the status {code}, which only a server can give: so there",
            (_, _) => throw new RpcException(new Status(code, "so there")));
        Assert.Empty(_received);
    }

    [Theory]
    [InlineData(StatusCode.Cancelled)]
    [InlineData(StatusCode.Unknown)]
    [InlineData(StatusCode.DeadlineExceeded)]
    [InlineData(StatusCode.PermissionDenied)]
    [InlineData(StatusCode.ResourceExhausted)]
    [InlineData(StatusCode.Unimplemented)]
    [InlineData(StatusCode.Internal)]
    [InlineData(StatusCode.Unavailable)]
    [InlineData(StatusCode.Unauthenticated)]
    public async Task Any_other_status_is_the_calls(StatusCode code)
    {
        await using TlsSetup setup = await StartAsync();
        Status status = await FailAsync(setup.Connect(s_trusting), (_, _) => throw new RpcException(new Status(code, "so there")));
        Assert.Equal((code, "so there"), (status.StatusCode, status.Detail));
    }

    [Fact]
    public async Task One_that_is_cancelled_for_a_reason_of_its_own_fails_the_call()
    {
        await using TlsSetup setup = await StartAsync();
        await AssertFailsAsync(setup.Connect(s_trusting), StatusCode.Unavailable, "The call credentials failed: ", (_, _) => Task.FromCanceled(new CancellationToken(true)));
        await AssertFailsAsync(setup.Connect(s_trusting), StatusCode.Unavailable, "The call credentials failed: ", (_, _) => null!);
        Assert.Empty(_received);
    }

    [Theory]
    [InlineData("token")]
    [InlineData("dispose")]
    [InlineData("close")]
    public async Task A_caller_that_gives_up_tells_them_and_nothing_is_sent(string how)
    {
        await using TlsSetup setup = await StartAsync();
        MiniChannel channel = setup.Connect(s_trusting);
        using CancellationTokenSource cancellation = new();
        var hand = new HandCredentials();
        using AsyncUnaryCall<byte[]> call = channel.CreateCallInvoker().AsyncUnaryCall(
            EchoService.Unary, null, new CallOptions(cancellationToken: cancellation.Token, credentials: hand.Credentials), [1]);
        await hand.AskedAsync();
        switch (how)
        {
            case "token":
                await cancellation.CancelAsync();
                break;
            case "dispose":
                call.Dispose();
                break;
            case "close":
                await channel.DisposeAsync();
                break;
        }

        await TestChannel.AssertFailsAsync(call.ResponseAsync, StatusCode.Cancelled, "");
        await hand.ToldAsync();
        hand.Answer(); // too late
        Assert.Empty(channel.Core.Connections);
        Assert.Empty(_received);
    }

    [Fact]
    public async Task On_a_closed_channel_nobody_is_asked()
    {
        await using TlsSetup setup = await StartAsync();
        MiniChannel channel = setup.Connect(s_trusting);
        await channel.DisposeAsync();
        bool asked = false;
        Assert.Throws<ObjectDisposedException>(() =>
        {
            _ = CallAsync(channel, new CallOptions(credentials: CallCredentials.FromInterceptor((_, _) =>
            {
                asked = true;
                return Task.CompletedTask;
            })));
        });
        Assert.False(asked);
    }

    [Fact]
    public async Task A_deadline_that_passes_while_they_are_asked_ends_the_call_and_tells_them_and_a_token_that_comes_later_is_not_sent()
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using TlsSetup setup = await StartAsync();
        MiniChannel channel = setup.Connect(new MiniChannelOptions { Tls = s_trusting, TimeProvider = time });
        var hand = new HandCredentials();
        Task<byte[]> call = CallAsync(channel, new CallOptions(deadline: time.GetUtcNow().UtcDateTime.AddSeconds(1), credentials: hand.Credentials));
        await hand.AskedAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        await TestChannel.AssertFailsAsync(call, StatusCode.DeadlineExceeded, "");
        await hand.ToldAsync();
        hand.Answer(); // too late
        Assert.Equal(ConnectivityState.Idle, channel.State);
        Assert.Empty(_received);
    }

    /// <summary>Whose token is to be sent often stands in an ambient value, such as the request that the caller is serving.</summary>
    [Fact]
    public async Task They_see_the_callers_ambient_values_to_their_end()
    {
        await using TlsSetup setup = await StartAsync();
        s_ambient.Value = "ada";
        TaskCompletionSource pause = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<byte[]> call = CallAsync(setup.Connect(s_trusting), new CallOptions(credentials: CallCredentials.FromInterceptor(async (_, metadata) =>
        {
            string? before = s_ambient.Value;
            await pause.Task.ConfigureAwait(false);
            metadata.Add("who", $"{before} {s_ambient.Value}");
        })));
        s_ambient.Value = "somebody else";
        pause.SetResult();
        await call;
        Assert.Equal("ada ada", Assert.Single(_received).GetValue("who"));
    }

    /// <summary>gRFC A6: each attempt asks for itself, long after its caller has gone on, and on another thread.</summary>
    [Fact]
    public async Task They_see_the_callers_ambient_values_at_every_attempt()
    {
        BackoffClock time = new();
        await using TlsSetup setup = await StartAsync();
        MiniChannel channel = setup.Connect(new MiniChannelOptions { Tls = s_trusting, TimeProvider = time, ServiceConfig = ServiceConfig.Parse(Retry) });
        ConcurrentQueue<string> seen = new();
        TaskCompletionSource[] pauses = [new(TaskCreationOptions.RunContinuationsAsynchronously), new(TaskCreationOptions.RunContinuationsAsynchronously)];
        int asked = 0;
        s_ambient.Value = "ada";
        Task<byte[]> call = CallAsync(channel, new CallOptions(credentials: CallCredentials.FromInterceptor(async (_, metadata) =>
        {
            string? before = s_ambient.Value;
            int attempt = asked++;
            await pauses[attempt].Task.ConfigureAwait(false);
            seen.Enqueue($"{before} {s_ambient.Value}");
            metadata.Add("who", attempt == 0 ? throw new IOException("no token yet") : $"{s_ambient.Value}");
        })));
        s_ambient.Value = "somebody else";
        pauses[0].SetResult();
        await time.IsArmedAsync();
        time.Advance(TimeSpan.FromSeconds(1));
        pauses[1].SetResult();
        await call;
        Assert.Equal(["ada ada", "ada ada"], seen);
        Assert.Equal("ada", Assert.Single(_received).GetValue("who"));
    }

    [Fact]
    public async Task A_failure_that_may_pass_is_tried_again_where_the_service_config_says_so()
    {
        int asked = 0;
        await using TlsSetup setup = await StartAsync();
        MiniChannel channel = setup.Connect(new MiniChannelOptions { Tls = s_trusting, ServiceConfig = ServiceConfig.Parse(Retry) });
        await CallAsync(channel, new CallOptions(credentials: CallCredentials.FromInterceptor((_, metadata) =>
        {
            metadata.Add("trail", $"{++asked}");
            return asked == 1 ? throw new IOException("no token yet") : Task.CompletedTask;
        })));
        Assert.Equal("2", Assert.Single(_received).GetValue("trail"));
    }

    private static async Task AssertFailsAsync(MiniChannel channel, StatusCode code, string detail, AsyncAuthInterceptor interceptor)
    {
        Status status = await FailAsync(channel, interceptor);
        Assert.Equal(code, status.StatusCode);
        Assert.Contains(detail, status.Detail, StringComparison.Ordinal);
    }

    private static Task<Status> FailAsync(MiniChannel channel, AsyncAuthInterceptor interceptor) =>
        TestChannel.FailureAsync(CallAsync(channel, new CallOptions(credentials: CallCredentials.FromInterceptor(interceptor))));

    private static Task<byte[]> CallAsync(MiniChannel channel, CallOptions options) => TlsSetup.CallAsync(channel, [1], options);

    private Task<TlsSetup> StartAsync() => TlsSetup.StartAsync(new ServerTls(TestCertificates.Server), EchoService.Recording(_received));
}
