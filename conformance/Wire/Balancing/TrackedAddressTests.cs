using System.Net;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Balancing.Outliers;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>gRFC A50, the "map entry" of an address, and its call counter.</summary>
public sealed class TrackedAddressTests : IAsyncDisposable
{
    private readonly MiniChannel _channel = MiniChannel.ForAddress("ipv4:192.0.2.1:1");
    private readonly TrackedAddress _tracked = new(new BalancerAddress(new IPEndPoint(IPAddress.Loopback, 1)));

    public ValueTask DisposeAsync() => _channel.DisposeAsync();

    [Fact]
    public void A_new_subchannel_is_told_of_an_ejection_while_it_lasts()
    {
        _tracked.Eject(TimeSpan.Zero, "too many failures");
        Subchannel first = Create();
        _tracked.TellIfEjected(first);
        Assert.Equal(ConnectivityState.TransientFailure, first.State);
        _tracked.Uneject();
        Subchannel second = Create();
        _tracked.TellIfEjected(second);
        Assert.Equal(ConnectivityState.Idle, second.State);
    }

    /// <summary>A policy of one's own may have nowhere else to send calls to, and be content with that.</summary>
    [Fact]
    public void Who_does_not_ask_for_health_hears_neither_of_an_ejection_nor_of_its_end()
    {
        var heard = new List<SubchannelState>();
        Subchannel subchannel = Create();
        subchannel.ChecksHealth = false;
        subchannel.OnStateChanged(heard.Add);
        _tracked.Add(subchannel, counts: true);
        _tracked.Eject(TimeSpan.Zero, "too many failures");
        _tracked.Uneject();
        Assert.Empty(heard);
    }

    /// <summary>Or those of an address that is used for long by one policy after the other would be more and more.</summary>
    [Fact]
    public async Task Subchannels_that_were_shut_down_are_forgotten()
    {
        Subchannel first = Create();
        _tracked.Add(first, counts: true);
        first.Dispose();
        await Settling.OfAsync(_channel);
        _tracked.Eject(TimeSpan.Zero, "too many failures");
        Assert.Equal(ConnectivityState.Shutdown, first.State);
        Subchannel second = Create();
        _tracked.Add(second, counts: true);
        _tracked.SetCounting(false);
        Assert.Null(second.CallCounter);
        Assert.NotNull(first.CallCounter); // it was not told
    }

    /// <summary>A policy may answer an ejection, or its end, with another subchannel for the same address.</summary>
    [Fact]
    public void Who_hears_of_an_ejection_may_make_another_subchannel()
    {
        Subchannel first = Create();
        _tracked.Add(first, counts: true);
        first.OnStateChanged(_ => _tracked.Add(Create(), counts: true));
        _tracked.Eject(TimeSpan.Zero, "too many failures");
        _tracked.Uneject();
        Assert.Null(_tracked.EjectedAt);
        Assert.Equal(ConnectivityState.Idle, first.State);
    }

    [Fact]
    public void A_counter_that_is_reset_has_counted_nothing()
    {
        var counter = new CallCounter();
        counter.Count(succeeded: false);
        counter.Swap();
        Assert.Equal((0, 1, 1), (counter.Successes, counter.Failures, counter.Total));
        counter.Count(succeeded: true);
        counter.Reset();
        Assert.Equal(0, counter.Total);
        counter.Swap();
        Assert.Equal(0, counter.Total);
    }

    private Subchannel Create() => new(_channel.Core, _tracked.Address) { ChecksHealth = true };
}
