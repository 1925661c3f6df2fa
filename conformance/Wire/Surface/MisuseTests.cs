using Grpc.Core;

namespace MiniGrpc.Conformance.Wire.Surface;

/// <summary>What is done wrong with the API says so at once, and harms neither the call nor the connection beyond it.</summary>
public class MisuseTests
{
    [Fact]
    public async Task Calls_on_a_closed_channel_throw_and_those_under_way_are_cancelled()
    {
        TaskCompletionSource started = new();
        await using Setup setup = await Setup.StartAsync(EchoService.Bind(async (_, context) =>
        {
            started.SetResult();
            await Task.Delay(Timeout.Infinite, context.CancellationToken);
            return [];
        }));
        Task<byte[]> call = setup.CallAsync([]);
        await started.Task.WaitAsync(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken);

        await setup.Channel.DisposeAsync();

        Assert.Equal(StatusCode.Cancelled, (await Assert.ThrowsAsync<RpcException>(() => call)).StatusCode);
        Assert.Throws<ObjectDisposedException>(() => { setup.Invoker.AsyncUnaryCall(EchoService.Unary, null, default, []); });
    }

    [Fact]
    public async Task A_write_after_CompleteAsync_is_refused()
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind());
        using AsyncDuplexStreamingCall<byte[], byte[]> call = setup.Invoker.AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        await call.RequestStream.CompleteAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync([1]));
        Assert.False(await call.ResponseStream.MoveNext(CancellationToken.None).WithinLimit("the end"));
        Assert.Equal(StatusCode.OK, call.GetStatus().StatusCode);
    }

    [Fact]
    public async Task A_second_read_while_one_waits_is_refused_and_the_first_goes_on()
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind());
        using AsyncDuplexStreamingCall<byte[], byte[]> call = setup.Invoker.AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        Task<bool> first = call.ResponseStream.MoveNext(CancellationToken.None);

        await Assert.ThrowsAsync<InvalidOperationException>(() => call.ResponseStream.MoveNext(CancellationToken.None));

        await call.RequestStream.WriteAsync([9]);
        Assert.True(await first.WithinLimit("the message"));
        Assert.Equal([9], call.ResponseStream.Current);
    }

    [Fact]
    public async Task A_second_write_while_one_waits_is_refused()
    {
        TaskCompletionSource release = new();
        await using Setup setup = await Setup.StartAsync(EchoService.Bind(bidi: (_, _, _) => release.Task));
        using AsyncDuplexStreamingCall<byte[], byte[]> call = setup.Invoker.AsyncDuplexStreamingCall(EchoService.Bidi, null, default);
        byte[] large = new byte[1024 * 1024]; // nobody reads it: it exceeds the windows and stays queued
        Task first = call.RequestStream.WriteAsync(large);
        Assert.False(first.IsCompleted);

        await Assert.ThrowsAsync<InvalidOperationException>(() => call.RequestStream.WriteAsync([1]));
        release.SetResult();
    }

    [Fact]
    public async Task The_context_of_an_ended_call_refuses_to_send_and_to_read()
    {
        ServerCallContext? kept = null;
        await using Setup setup = await Setup.StartAsync(EchoService.Bind((request, context) =>
        {
            kept = context;
            return Task.FromResult(request);
        }));
        await setup.CallAsync([1]);
        await setup.Server.ShutdownAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => kept!.WriteResponseHeadersAsync([]));
        Assert.Contains("after the call has ended", Assert.Throws<InvalidOperationException>(() => kept!.RequestHeaders).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Status_and_trailers_are_refused_before_the_end()
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind());
        using AsyncDuplexStreamingCall<byte[], byte[]> call = setup.Invoker.AsyncDuplexStreamingCall(EchoService.Bidi, null, default);

        Assert.Throws<InvalidOperationException>(() => call.GetStatus());
        Assert.Throws<InvalidOperationException>(() => call.GetTrailers());
    }

    [Theory]
    [InlineData("a\r\nb")]
    [InlineData("a\0b")]
    [InlineData("h\u00e9")]
    public async Task Metadata_that_cannot_be_sent_throws_and_names_the_key(string value)
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind());
        Metadata headers = new() { { "my-key", value } };

        ArgumentException error = Assert.Throws<ArgumentException>(() => setup.Invoker.AsyncUnaryCall(EchoService.Unary, null, new CallOptions(headers), []));

        Assert.Contains("my-key", error.Message, StringComparison.Ordinal);
        Assert.Equal([1], await setup.CallAsync([1]));
    }

    [Fact]
    public async Task Metadata_larger_than_the_server_accepts_ends_the_call_before_it_is_sent()
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind());
        await setup.CallAsync([1]);
        Metadata headers = new() { { "large", new string('x', 20_000) } };

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => setup.CallAsync([], new CallOptions(headers)));

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Contains("SETTINGS_MAX_HEADER_LIST_SIZE", error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal([1], await setup.CallAsync([1]));
    }

    [Fact]
    public async Task Trailers_larger_than_the_client_accepts_become_a_status_that_says_so()
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind((request, context) =>
        {
            context.ResponseTrailers.Add("large", new string('x', 20_000));
            return Task.FromResult(request);
        }));

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => setup.CallAsync([1]));

        Assert.Equal(StatusCode.ResourceExhausted, error.StatusCode);
        Assert.Contains("trailers", error.Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_marshaller_that_throws_ends_its_call_alone()
    {
        Marshaller<byte[]> broken = Marshallers.Create<byte[]>(
            (_, _) => throw new FormatException("no way to write this"), static context => context.PayloadAsNewBuffer());
        Method<byte[], byte[]> method = new(MethodType.Unary, "echo.Echo", "Unary", broken, broken);
        await using Setup setup = await Setup.StartAsync(EchoService.Bind());

        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => setup.Invoker.AsyncUnaryCall(method, null, default, []).ResponseAsync.WithinLimit("the end"));

        Assert.Contains("no way to write this", error.Status.Detail, StringComparison.Ordinal);
        Assert.Equal([1], await setup.CallAsync([1]));
    }

    [Fact]
    public async Task Call_credentials_are_refused_on_plaintext()
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind());
        CallCredentials credentials = CallCredentials.FromInterceptor((_, metadata) =>
        {
            metadata.Add("authorization", "Bearer secret");
            return Task.CompletedTask;
        });

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(
            () => { setup.Invoker.AsyncUnaryCall(EchoService.Unary, null, new CallOptions(credentials: credentials), []); });

        Assert.Contains("plaintext", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deadline_in_local_time_is_refused()
    {
        await using Setup setup = await Setup.StartAsync(EchoService.Bind());

        InvalidOperationException error = Assert.Throws<InvalidOperationException>(
            () => { setup.Invoker.AsyncUnaryCall(EchoService.Unary, null, new CallOptions(deadline: DateTime.Now.AddHours(1)), []); });

        Assert.Contains("UTC", error.Message, StringComparison.Ordinal);
    }
}
