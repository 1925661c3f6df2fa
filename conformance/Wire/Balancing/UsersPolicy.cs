using System.Collections.Concurrent;
using MiniGrpc.Client;
using MiniGrpc.Client.Balancing;
using MiniGrpc.Client.Configuration;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>Says what a test says.</summary>
internal sealed class HandPicker(Func<PickContext, PickResult> pick) : SubchannelPicker
{
    public override PickResult Pick(in PickContext context) => pick(context);
}

/// <summary>A policy of the user's: connects to the first address, and throws, or says nothing, where a test says.</summary>
internal sealed class UsersPolicy : LoadBalancerFactory
{
    private int _created;

    public override string Name => "users";

    public string? ThrowsIn { get; set; }

    public string? AlsoThrowsIn { get; set; }

    /// <summary>Whether it connects when somebody wants it to.</summary>
    public bool ReportsIdle { get; set; }

    /// <summary>Whether it listens and does nothing.</summary>
    public bool IsSilent { get; set; }

    /// <summary>What the policies were told.</summary>
    public ConcurrentQueue<ChannelState> Updates { get; } = new();

    /// <summary>What its picker says; null for its subchannel.</summary>
    public Func<PickContext, PickResult>? Picks { get; set; }

    public int Created => Volatile.Read(ref _created);

    public One? Latest { get; private set; }

    /// <summary>A channel that has it.</summary>
    public MiniChannel Channel(Backends backends, TimeProvider time) => backends.Channel(new LoadBalancingConfig(Name), options =>
    {
        options.TimeProvider = time;
        options.LoadBalancerFactories.Add(this);
    });

    public override LoadBalancer Create(LoadBalancerOptions options)
    {
        Throw("create");
        if (ThrowsIn == "none")
        {
            return null!;
        }

        Interlocked.Increment(ref _created);
        return Latest = new One(this, options.Controller, Latest?.Controller);
    }

    private void Throw(string where)
    {
        if (ThrowsIn == where || AlsoThrowsIn == where)
        {
            throw new InvalidOperationException("no idea");
        }
    }

    public sealed class One(UsersPolicy owner, IChannelControlHelper controller, IChannelControlHelper? ofThePast) : LoadBalancer
    {
        public IChannelControlHelper Controller => controller;

        public IChannelControlHelper? OfThePast => ofThePast;

        /// <summary>What it has made of the latest addresses.</summary>
        public Subchannel? Subchannel { get; private set; }

        public override void UpdateChannelState(ChannelState state)
        {
            owner.Updates.Enqueue(state);
            owner.Throw("update");
            if (owner.IsSilent)
            {
                return;
            }

            Subchannel subchannel = controller.CreateSubchannel(state.Addresses[0]);
            Subchannel = subchannel;
            subchannel.OnStateChanged(_ =>
            {
                owner.Throw("subchannel");
                if (subchannel.State == ConnectivityState.Ready)
                {
                    controller.UpdateState(ConnectivityState.Ready, new HandPicker(context =>
                    {
                        owner.Throw("pick");
                        return owner.Picks is { } pick ? pick(context) : PickResult.ForSubchannel(subchannel);
                    }));
                }
            });
            controller.Post(() => owner.Throw("post"));
            if (owner.ReportsIdle)
            {
                controller.UpdateState(ConnectivityState.Idle, new HandPicker(_ => PickResult.ForQueue()));
            }
            else
            {
                subchannel.RequestConnection();
            }
        }

        public override void RequestConnection() => owner.Throw("request");

        protected override void Dispose(bool disposing) => owner.Throw("dispose");
    }
}
