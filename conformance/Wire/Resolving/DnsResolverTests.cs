using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using MiniGrpc.Client;
using MiniGrpc.Client.Resolving;
using MiniGrpc.Conformance.Wire.Balancing;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Resolving;

/// <summary>Host names: what is found, when it is looked up again, and what a look-up that fails or hangs comes to.</summary>
public sealed class DnsResolverTests : IDisposable
{
    private static readonly TimeSpan s_moment = TimeSpan.FromTicks(1);
    private readonly TimerCensus _time = new();
    private readonly HandLookUps _lookUps = new();
    private readonly HandDispatcher _dispatcher = new();
    private readonly System.Threading.Channels.Channel<ResolverResult> _results = System.Threading.Channels.Channel.CreateUnbounded<ResolverResult>();
    private readonly MiniChannelOptions _options;
    private readonly DnsResolver _resolver;

    public DnsResolverTests()
    {
        _options = new MiniChannelOptions { TimeProvider = _time, Random = new Middle() };
        _lookUps.UseIn(_options);
        _options.Connection = _options.Connection with { Dispatcher = _dispatcher };
        _resolver = new DnsResolver(new DnsEndPoint("host.test", 50051), _options, NullLogger.Instance);
    }

    public void Dispose() => _resolver.Dispose();

    [Fact]
    public async Task All_addresses_are_found_in_the_systems_order()
    {
        HandLookUps.Pending asked = await StartAsync();
        Assert.Equal("host.test", asked.Host);
        ResolverResult found = await AnswerAsync(asked, "192.0.2.2", "2001:db8::1", "192.0.2.1");
        Assert.Null(found.Failure);
        Assert.Equal(["ipv4:192.0.2.2:50051", "ipv6:[2001:db8::1]:50051", "ipv4:192.0.2.1:50051"], found.Addresses.Select(address => address.ToString()));
    }

    /// <summary>As often as connections may fail: every 30 seconds at the most.</summary>
    [Fact]
    public async Task What_was_found_is_looked_up_again_every_30_seconds_at_the_most()
    {
        await AnswerAsync(await StartAsync(), "192.0.2.1");
        _time.Advance(TimeSpan.FromSeconds(10));
        _resolver.Refresh();
        _resolver.Refresh(); // one is due already
        Assert.Equal(1, _time.LeftBy<DnsResolver>());
        Advance(TimeSpan.FromSeconds(20) - s_moment);
        Assert.Equal(1, _lookUps.Count);
        Advance(s_moment);
        ResolverResult second = await AnswerAsync(await _lookUps.NextAsync(), "192.0.2.7");
        Assert.Equal("ipv4:192.0.2.7:50051", Assert.Single(second.Addresses).ToString());
        Advance(TimeSpan.FromHours(1));
        Assert.Equal(2, _lookUps.Count); // nobody has asked

        _resolver.Refresh();
        _dispatcher.RunAll();
        Assert.Equal(3, _lookUps.Count); // at once
    }

    [Fact]
    public async Task A_look_up_that_is_under_way_is_new_enough()
    {
        HandLookUps.Pending asked = await StartAsync();
        Advance(TimeSpan.FromSeconds(31));
        _resolver.Refresh();
        _dispatcher.RunAll();
        Assert.Equal(1, _lookUps.Count);
        await AnswerAsync(asked, "192.0.2.1");
        Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _lookUps.Count);
    }

    [Theory]
    [InlineData("not found", "no such host")]
    [InlineData("try again", "no such host")]
    [InlineData("no address", "no such host")]
    [InlineData("network down", "")]
    [InlineData("bad name", "what a name")]
    [InlineData("bug", "out of order")]
    [InlineData("cancelled", "looking the host up took longer than 120 s")]
    public async Task One_that_fails_says_so_and_is_repeated_after_growing_waits(string how, string detail)
    {
        HandLookUps.Pending asked = await StartAsync();
        foreach (double seconds in new[] { 1, 1.6, 2.56 })
        {
            ResolverResult failed = await FailAsync(asked, how);
            Assert.Empty(failed.Addresses);
            Assert.Equal(StatusCode.Unavailable, failed.Failure!.Value.StatusCode);
            Assert.StartsWith("can't connect to dns:host.test:50051: " + detail, failed.Failure.Value.Detail, StringComparison.Ordinal);
            int count = _lookUps.Count;
            _resolver.Refresh();
            Assert.Equal(1, _time.LeftBy<DnsResolver>());
            Advance(TimeSpan.FromSeconds(seconds) - s_moment);
            Assert.Equal(count, _lookUps.Count);
            Advance(s_moment);
            asked = await _lookUps.NextAsync();
        }

        Assert.Single((await AnswerAsync(asked, "192.0.2.1")).Addresses);
        Advance(TimeSpan.FromSeconds(30));
        _resolver.Refresh();
        _dispatcher.RunAll();
        await FailAsync(await _lookUps.NextAsync(), how);
        Advance(TimeSpan.FromSeconds(1)); // the waits begin anew
        await _lookUps.NextAsync();
    }

    [Fact]
    public async Task One_that_hangs_is_given_up()
    {
        HandLookUps.Pending asked = await StartAsync();
        Advance(DnsResolver.LongestLookUp - s_moment);
        Assert.False(asked.Token.IsCancellationRequested);
        Advance(s_moment);
        ResolverResult result = await ResultAsync();
        Assert.True(asked.Token.IsCancellationRequested);
        Assert.Equal("can't connect to dns:host.test:50051: looking the host up took longer than 120 s", result.Failure!.Value.Detail);
        Advance(TimeSpan.FromSeconds(1));
        Assert.Single((await AnswerAsync(await _lookUps.NextAsync(), "192.0.2.1")).Addresses);
        asked.Answer.SetResult(HandLookUps.Addresses("192.0.2.2")); // nobody listens any more
        Assert.False(_results.Reader.TryRead(out _));
    }

    [Fact]
    public async Task When_the_channel_is_closed_a_look_up_is_given_up_and_none_follows()
    {
        HandLookUps.Pending asked = await StartAsync();
        _resolver.Dispose();
        Assert.True(asked.Token.IsCancellationRequested);
        _resolver.Refresh();
        Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, _lookUps.Count);
        Assert.False(_results.Reader.TryRead(out _));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_channel_is_closed_no_wait_ends_in_a_look_up(bool failed)
    {
        HandLookUps.Pending asked = await StartAsync();
        await (failed ? FailAsync(asked, "not found") : AnswerAsync(asked, "192.0.2.1"));
        _resolver.Refresh();
        _resolver.Dispose();
        Assert.Equal(0, _time.LeftBy<DnsResolver>());
        _time.RingTooLate<DnsResolver>();
        _dispatcher.RunAll();
        Assert.Equal(1, _lookUps.Count);
    }

    [Fact]
    public async Task What_is_found_just_when_the_channel_is_closed_is_told_to_nobody()
    {
        await AnswerAsync(await StartAsync(), "192.0.2.1");
        Advance(TimeSpan.FromSeconds(30));
        _options.LookUp = (_, _) =>
        {
            _resolver.Dispose();
            return Task.FromResult(HandLookUps.Addresses("192.0.2.2"));
        };
        _resolver.Refresh();
        _dispatcher.RunAll(); // all of it, since there is nothing to wait for
        Assert.False(_results.Reader.TryRead(out _));
    }

    [Fact]
    public async Task When_the_channel_is_closed_nobody_can_ask_for_another_look_up()
    {
        await AnswerAsync(await StartAsync(), "192.0.2.1");
        _resolver.Dispose();
        _resolver.Refresh();
        Assert.Equal(0, _time.LeftBy<DnsResolver>());
        Advance(TimeSpan.FromHours(1));
        _resolver.Refresh();
        _dispatcher.RunAll();
        Assert.Equal(1, _lookUps.Count);
    }

    private async Task<HandLookUps.Pending> StartAsync()
    {
        _resolver.Start(result => Assert.True(_results.Writer.TryWrite(result)));
        Assert.Equal(0, _lookUps.Count); // not under the lock of the resolver
        _dispatcher.RunAll();
        return await _lookUps.NextAsync();
    }

    private void Advance(TimeSpan time)
    {
        _time.Advance(time);
        _dispatcher.RunAll();
    }

    private Task<ResolverResult> AnswerAsync(HandLookUps.Pending asked, params string[] addresses)
    {
        asked.Answer.SetResult(HandLookUps.Addresses(addresses));
        return ResultAsync();
    }

    private Task<ResolverResult> FailAsync(HandLookUps.Pending asked, string how)
    {
        switch (how)
        {
            case "no address":
                asked.Answer.SetResult([]);
                break;
            case "cancelled":
                asked.Answer.SetCanceled();
                break;
            default:
                asked.Answer.SetException(how switch
                {
                    "not found" => new SocketException((int)SocketError.HostNotFound),
                    "try again" => new SocketException((int)SocketError.TryAgain),
                    "network down" => new SocketException((int)SocketError.NetworkDown),
                    "bad name" => new ArgumentException("what a name"),
                    _ => new InvalidOperationException("out of order"),
                });
                break;
        }

        return ResultAsync();
    }

    private Task<ResolverResult> ResultAsync() => RawPeer.Within(_results.Reader.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "what was found");

    /// <summary>Waits that don't vary.</summary>
    private sealed class Middle : Random
    {
        public override double NextDouble() => 0.5;
    }
}
