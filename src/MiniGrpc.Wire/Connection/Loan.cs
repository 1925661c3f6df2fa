namespace MiniGrpc.Wire.Connection;

/// <summary>
/// Whose something is that has one owner: the owner lends it out for as long as it waits, one other at a time may take it meanwhile, and
/// the owner gets it back before it goes on.
/// </summary>
/// <remarks>Thread-safe without a lock. A mutable struct: keep it in a field that isn't readonly, never in a copy.</remarks>
internal struct Loan
{
    private Holder _holder;

    private enum Holder
    {
        Owner,
        Nobody,
        Borrower,
    }

    /// <summary>For the owner: others may take it.</summary>
    public void Lend() => Interlocked.Exchange(ref _holder, Holder.Nobody);

    /// <summary>For the owner: it is its own again. Waits for a borrower, who is done in a moment.</summary>
    public void TakeBack()
    {
        var spin = new SpinWait();
        while (Interlocked.CompareExchange(ref _holder, Holder.Owner, Holder.Nobody) != Holder.Nobody)
        {
            spin.SpinOnce();
        }
    }

    /// <summary>For others: takes it if it is to be had.</summary>
    public bool TryBorrow() => Interlocked.CompareExchange(ref _holder, Holder.Borrower, Holder.Nobody) == Holder.Nobody;

    /// <summary>For who has borrowed it: gives it back.</summary>
    public void GiveBack() => Interlocked.Exchange(ref _holder, Holder.Nobody);
}
