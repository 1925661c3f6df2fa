using Grpc.Core;
using Microsoft.Extensions.Time.Testing;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Robustness;

/// <summary>Calls against a server, rows 51 and 55 to 57: how they end, and what is left of them.</summary>
public class CallsOnTheServer
{
    /// <summary>Row 51: gRPC over HTTP/2, Timeout: at most eight digits and a unit. No timeout is not what the client meant.</summary>
    [Theory]
    [InlineData("123456789S")]
    [InlineData("1")]
    [InlineData("S")]
    [InlineData("-1S")]
    [InlineData("+1S")]
    [InlineData("1.5S")]
    [InlineData("1s")]
    [InlineData("1 S")]
    [InlineData("0x1S")]
    [InlineData("1SS")]
    public async Task Row51_A_timeout_that_cannot_be_read_fails_the_call(string timeout)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        await attacked.OffendAsync(
            StatusCode.Internal, $"grpc-timeout is '{timeout}'", (client, id) => client.RequestAsync(id, "Unary", "grpc-timeout=" + timeout));
    }

    /// <summary>Row 51: nothing overflows; 99999999H is some 11,400 years.</summary>
    [Theory]
    [InlineData("99999999H")]
    [InlineData("99999999M")]
    [InlineData("99999999S")]
    [InlineData("99999999m")]
    [InlineData("00000001H")]
    public async Task Row51_A_huge_timeout_is_taken(string timeout)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary", "grpc-timeout=" + timeout);
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await attacked.Attacker.ResponseAsync(id)).Status);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 51: zero is over at once; clients whose deadline has passed send it.</summary>
    [Theory]
    [InlineData("0S")]
    [InlineData("00000000n")]
    public async Task Row51_A_timeout_of_zero_is_over_at_once(string timeout)
    {
        var time = new FakeTimeProvider(DateTimeOffset.UtcNow);
        await using AttackedServer attacked = await AttackedServer.StartAsync(options => options.TimeProvider = time);
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Collect", "grpc-timeout=" + timeout);
        await attacked.Attacker.RoundTripAsync();
        time.Advance(TimeSpan.Zero);
        RawResponse response = await attacked.Attacker.ResponseAsync(id);
        Assert.Equal(("4", "The deadline of the call has passed."), (response.Status, response.Message));
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 55: what went wrong inside is for the log; a stranger may be reading the status.</summary>
    [Theory]
    [InlineData("Unary", false)]
    [InlineData("Spread", false)]
    [InlineData("Unary", true)]
    [InlineData("Spread", true)]
    public async Task Row55_A_handler_that_throws_is_unknown_without_its_text(string method, bool detailed)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync(options => options.EnableDetailedErrors = detailed);
        UnaryServerMethod<byte[], byte[]> sound = attacked.Server.Service.Unary;
        attacked.Server.Service.Unary = (_, _) => throw new FileNotFoundException("the password is swordfish");
        attacked.Server.Service.Spread = async (_, responses, _) =>
        {
            await responses.WriteAsync([1]);
            throw new FileNotFoundException("the password is swordfish");
        };
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, method);
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        RawResponse response = await attacked.Attacker.ResponseAsync(id);
        string expected = detailed ? "The handler threw an exception: FileNotFoundException: the password is swordfish" : "The handler threw an exception.";
        Assert.Equal(("2", expected), (response.Status, response.Message));
        Assert.Single(attacked.Server.Log.Lines, line => line == $"Error: The handler of /test/{method} threw an exception");
        attacked.Server.Service.Unary = sound;
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 55: a handler that doesn't listen: its stream is freed at once, and what it comes up with later is dropped.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Row55_A_handler_that_ignores_cancellation_holds_no_stream_and_its_result_is_dropped(bool throws)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        UnaryServerMethod<byte[], byte[]> sound = attacked.Server.Service.Unary;
        attacked.Server.Service.Unary = async (request, _) =>
        {
            started.SetResult();
            await release.Task;
            return throws ? throw new InvalidOperationException("nobody cares") : request;
        };
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Unary");
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        await RawPeer.Within(started.Task, "the handler to start");
        attacked.Server.Service.Unary = sound;
        await attacked.Attacker.SendAsync(o => RstStreamFrame.Write(o, id, ErrorCode.Cancel));
        await attacked.Attacker.RoundTripAsync();
        Assert.Equal(1, attacked.Server.Core.RunningCalls);
        Assert.All(Internals.ConnectionsOf(attacked.Server.Core), Internals.AssertQuiet);
        await attacked.Attacker.AssertWorksAsync(attacked.NextId());
        release.SetResult();
        await attacked.AssertUnharmedAsync();
        await attacked.Attacker.AssertNothingOnAsync(id);
        Assert.DoesNotContain(attacked.Server.Log.Lines, line => line.StartsWith("Error", StringComparison.Ordinal));
    }

    /// <summary>Row 56: RFC 9113 section 8.1: the complete response, then RST_STREAM NO_ERROR; what still comes is thrown away.</summary>
    [Fact]
    public async Task Row56_A_response_before_the_end_of_the_request_is_followed_by_a_reset_without_error()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        attacked.Server.Service.Collect = (_, _) => Task.FromResult(new byte[] { 7 });
        for (int i = 0; i < 3; i++)
        {
            int id = attacked.NextId();
            await attacked.Attacker.RequestAsync(id, "Collect");
            RawResponse response = await attacked.Attacker.ResponseAsync(id);
            Assert.Equal("0", response.Status);
            Assert.Equal(RawClient.Message(7), response.Data);
            await attacked.Attacker.ExpectResetAsync(id, ErrorCode.NoError);
            await attacked.Attacker.DataAsync(id, new byte[10_000], endStream: true);
            await attacked.Attacker.AssertNothingOnAsync(id);
        }

        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 57: the same for names of a handler; the Metadata class refuses all but the empty one itself.</summary>
    [Theory]
    [InlineData("x+y")]
    [InlineData("a\r\nb")]
    [InlineData("")]
    public async Task Row57_A_name_that_cannot_be_sent_is_an_argument_exception(string name)
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        Exception? thrown = null;
        attacked.Server.Service.Spread = async (_, _, context) =>
            thrown = await Record.ExceptionAsync(() => context.WriteResponseHeadersAsync(new Metadata { { name, "v" } }));
        int id = attacked.NextId();
        await attacked.Attacker.RequestAsync(id, "Spread");
        await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
        Assert.Equal("0", (await attacked.Attacker.ResponseAsync(id)).Status);
        Assert.IsAssignableFrom<ArgumentException>(thrown);
        await attacked.AssertUnharmedAsync();
    }

    /// <summary>Row 57: a name that is legal in HTTP and not in Metadata is left out and counted; the call goes on.</summary>
    [Fact]
    public async Task Row57_A_field_that_metadata_cannot_hold_is_skipped_and_counted()
    {
        await using AttackedServer attacked = await AttackedServer.StartAsync();
        string[] seen = [];
        attacked.Server.Service.Unary = (request, context) =>
        {
            seen = [.. context.RequestHeaders.Select(entry => entry.Key)];
            return Task.FromResult(request);
        };
        using var skipped = new SkippedFields();
        for (int i = 0; i < 3; i++)
        {
            int id = attacked.NextId();
            await attacked.Attacker.RequestAsync(id, "Unary", "x+y=1", "good=1", "a!b=2", "~=3");
            await attacked.Attacker.DataAsync(id, RawClient.Message(1), endStream: true);
            Assert.Equal("0", (await attacked.Attacker.ResponseAsync(id)).Status);
            Assert.Equal(["good"], seen);
        }

        Assert.True(skipped.Count >= 9); // other tests count, too
        await attacked.AssertUnharmedAsync("left out of the metadata");
    }
}
