using Grpc.Core;

using Microsoft.Extensions.Time.Testing;

using MiniGrpc.Samples.Protos.Greeter;
using MiniGrpc.Wire;

namespace MiniGrpc.Samples.InMemory;

/// <summary>Tests of the service through a generated client, each with a server and a clock of its own.</summary>
/// <remarks>Deadlines go by the clock that the tests move, so what ends a test that hangs is its token, by xunit's time limit.</remarks>
public sealed class GreeterTests : IAsyncLifetime
{
    private const int Limit = 30_000; // ms

    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 1, 9, 0, 0, TimeSpan.Zero));
    private InMemoryHost _host = null!;

    private Greeter.GreeterClient Client => new(_host.Channel);

    public async ValueTask InitializeAsync() => _host = await InMemoryHost.StartAsync(Greeter.BindService(new GreeterService(_clock)), _clock);

    public ValueTask DisposeAsync() => _host.DisposeAsync();

    [Fact(Timeout = Limit)]
    public async Task The_greeting_depends_on_the_time_of_day()
    {
        var ada = new HelloRequest { Name = "Ada" };
        Assert.Equal("Good morning, Ada", (await Client.SayHelloAsync(ada, cancellationToken: TestContext.Current.CancellationToken)).Message);
        _clock.Advance(TimeSpan.FromHours(4));
        Assert.Equal("Good afternoon, Ada", (await Client.SayHelloAsync(ada, cancellationToken: TestContext.Current.CancellationToken)).Message);
    }

    [Fact(Timeout = Limit)]
    public async Task A_missing_name_is_an_invalid_argument()
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await Client.SayHelloAsync(new HelloRequest(), cancellationToken: TestContext.Current.CancellationToken));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        Assert.Equal("the name is missing", e.Status.Detail);
    }

    [Fact(Timeout = Limit)]
    public async Task Everyone_in_the_chat_is_greeted()
    {
        using AsyncDuplexStreamingCall<HelloRequest, HelloReply> chat = Client.Chat(cancellationToken: TestContext.Current.CancellationToken);
        foreach (string name in (string[])["Ada", "Grace"])
        {
            await chat.RequestStream.WriteAsync(new HelloRequest { Name = name });
        }

        await chat.RequestStream.CompleteAsync();
        Assert.Equal(["Hello Ada", "Hello Grace"], await chat.ResponseStream.ReadAllAsync().Select(reply => reply.Message).ToListAsync());
    }

    [Fact(Timeout = Limit)]
    public async Task A_chat_ends_at_its_deadline_without_anybody_waiting_for_it()
    {
        using AsyncDuplexStreamingCall<HelloRequest, HelloReply> chat = Client.Chat(
            deadline: _clock.GetUtcNow().UtcDateTime.AddMinutes(5), cancellationToken: TestContext.Current.CancellationToken);
        await chat.RequestStream.WriteAsync(new HelloRequest { Name = "Ada" });
        Assert.True(await chat.ResponseStream.MoveNext());

        _clock.Advance(TimeSpan.FromMinutes(5));
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => chat.ResponseStream.MoveNext());
        Assert.Equal(StatusCode.DeadlineExceeded, e.StatusCode);
    }
}
