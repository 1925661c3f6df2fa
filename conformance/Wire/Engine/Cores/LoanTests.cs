using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>One owner, who waits for what it has lent.</summary>
public class LoanTests
{
    private Loan _loan;

    [Fact]
    public void What_the_owner_uses_is_not_to_be_had()
    {
        Assert.False(_loan.TryBorrow());
        _loan.Lend();
        _loan.TakeBack();
        Assert.False(_loan.TryBorrow());
    }

    [Fact]
    public void One_at_a_time_may_borrow_it()
    {
        _loan.Lend();
        Assert.True(_loan.TryBorrow());
        Assert.False(_loan.TryBorrow());
        _loan.GiveBack();
        Assert.True(_loan.TryBorrow());
    }

    /// <summary>That it doesn't come back early can only be watched for a while; a busy machine makes the test miss a mistake, not find one.</summary>
    [Fact]
    public async Task The_owner_waits_until_it_is_given_back()
    {
        _loan.Lend();
        Assert.True(_loan.TryBorrow());
        Task taking = Task.Run(() => _loan.TakeBack(), TestContext.Current.CancellationToken);
        await Task.WhenAny(taking, Task.Delay(TimeSpan.FromMilliseconds(100), TestContext.Current.CancellationToken));
        Assert.False(taking.IsCompleted);
        _loan.GiveBack();
        await RawPeer.Within(taking, "the owner to have it back");
        Assert.False(_loan.TryBorrow());
    }
}
