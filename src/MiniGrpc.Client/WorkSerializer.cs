using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client;

/// <summary>
/// Runs the work it is given one after the other, in order, on the dispatcher: what a channel knows of its addresses and connections is
/// changed here alone, and so needs no lock. Resolvers and load-balancing policies, which may be a user's own, are called here, too.
/// </summary>
/// <remarks>Any thread may post, under locks and on receive loops as well: nothing runs inline.</remarks>
internal sealed class WorkSerializer(IDispatcher dispatcher, Action<Exception> onFailure) : IThreadPoolWorkItem
{
    private readonly Lock _lock = new();
    private readonly Queue<Action> _work = [];
    private bool _running;

    /// <summary>Runs <paramref name="work"/> when all that was posted before has been done.</summary>
    public void Post(Action work)
    {
        lock (_lock)
        {
            _work.Enqueue(work);
            if (_running)
            {
                return;
            }

            _running = true;
        }

        dispatcher.Post(this);
    }

    /// <inheritdoc />
    void IThreadPoolWorkItem.Execute()
    {
        while (TryTake(out Action? work))
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                onFailure(e); // a policy or a resolver of the user: what comes after it is done nonetheless
            }
        }
    }

    private bool TryTake([System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Action? work)
    {
        lock (_lock)
        {
            _running = _work.TryDequeue(out work);
            return _running;
        }
    }
}
