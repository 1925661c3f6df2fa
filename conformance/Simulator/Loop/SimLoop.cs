using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>How a run chooses among the work that is ready. Real pools do all of these at times.</summary>
internal enum PickOrder
{
    /// <summary>First come, first served.</summary>
    Fifo,

    /// <summary>Any.</summary>
    Uniform,

    /// <summary>What came last, mostly.</summary>
    Lifo,

    /// <summary>One kind of work waits nearly always while there is any other.</summary>
    Starve,
}

/// <summary>The one thread's work: all that is ready to run, from which the seed takes the next.</summary>
internal sealed class SimLoop(SimWorld world, PickOrder order, int starvedKind) : IDispatcher
{
    private const int Kinds = 5;

    private readonly List<Item> _ready = [];

    /// <summary>Whether there is work.</summary>
    public bool HasWork => _ready.Count > 0;

    /// <inheritdoc />
    public void Post(IThreadPoolWorkItem item)
    {
        world.CheckThread("work was posted");
        _ready.Add(new Item(item.GetType().Name, item, null));
    }

    /// <inheritdoc />
    public void RunOrPost(IThreadPoolWorkItem item)
    {
        if (world.Random.OneIn(2))
        {
            item.Execute();
        }
        else
        {
            Post(item);
        }
    }

    /// <inheritdoc />
    public Task Cancel(CancellationTokenSource source)
    {
        Post("cancel", source.Cancel);
        return Task.CompletedTask;
    }

    /// <summary>Adds work of the simulation itself.</summary>
    public void Post(string name, Action action) => _ready.Add(new Item(name, null, action));

    /// <summary>Runs one piece.</summary>
    public void RunOne()
    {
        int index = Pick();
        Item item = _ready[index];
        _ready.RemoveAt(index);
        world.Trace.Add(world.Time.Ticks, item.Name, index, _ready.Count);
        try
        {
            item.Work?.Execute();
            item.Action?.Invoke();
        }
        catch (Exception e)
        {
            world.Fail($"'{item.Name}' threw, which ends a process: {e}");
        }
    }

    private int Pick()
    {
        int count = _ready.Count;
        switch (order)
        {
            case PickOrder.Fifo:
                return 0;
            case PickOrder.Lifo:
                return world.Random.OneIn(8) ? world.Random.Below(count) : count - 1;
            case PickOrder.Starve:
                int index = world.Random.Below(count);
                for (int i = 0; i < count && !world.Random.OneIn(32); i++)
                {
                    int at = (index + i) % count;
                    if (_ready[at].Kind != starvedKind)
                    {
                        return at;
                    }
                }

                return index;
            default:
                return world.Random.Below(count);
        }
    }

    private readonly record struct Item(string Name, IThreadPoolWorkItem? Work, Action? Action)
    {
        /// <summary>Flushes, wakes of streams and calls, reads and writes, the rest: by a letter of the name, which is as good as any.</summary>
        public int Kind => (Name[0] + Name.Length) % Kinds;
    }
}
