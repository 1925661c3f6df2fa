namespace MiniGrpc.Client;

/// <summary>Calls that wait for a connection or for a free stream, first come first. Those that were tried and come back find their place again.</summary>
/// <remarks>Not thread-safe: its owner's lock guards it, and what calls have noted for it.</remarks>
internal sealed class CallQueue
{
    private readonly LinkedList<ClientCall> _calls = [];
    private long _lastTicket;

    /// <summary>How many wait.</summary>
    public int Count => _calls.Count;

    /// <summary>Adds a call that hasn't waited before, as the last one.</summary>
    public void Add(ClientCall call)
    {
        call.Ticket = ++_lastTicket;
        call.QueueNode = _calls.AddLast(call);
    }

    /// <summary>
    /// Puts a call back. Its place is not always the first: several that were taken out at the same time may come back in any order.
    /// </summary>
    public void PutBack(ClientCall call)
    {
        LinkedListNode<ClientCall>? next = _calls.Last?.Value.Ticket > call.Ticket ? _calls.First : null;
        while (next?.Value.Ticket < call.Ticket)
        {
            next = next.Next;
        }

        call.QueueNode = next is null ? _calls.AddLast(call) : _calls.AddBefore(next, call);
    }

    /// <summary>Takes the first call that hasn't ended.</summary>
    public ClientCall? TakeFirst()
    {
        while (_calls.First is { } first)
        {
            Remove(first.Value);
            if (!first.Value.HasEnded)
            {
                return first.Value;
            }
        }

        return null;
    }

    /// <summary>The call doesn't wait any more, if it did.</summary>
    public void Remove(ClientCall call)
    {
        if (call.QueueNode is { List: not null } node)
        {
            _calls.Remove(node);
        }

        call.QueueNode = null;
    }

    /// <summary>Takes all calls out.</summary>
    public ClientCall[] TakeAll()
    {
        ClientCall[] calls = [.. _calls];
        _calls.Clear();
        Array.ForEach(calls, call => call.QueueNode = null);
        return calls;
    }
}
