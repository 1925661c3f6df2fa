using Grpc.Core;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>What a client allocates beyond messages, in octets; the rule is the server's.</summary>
public class ClientAllocations : OnOneThread
{
    private readonly ClientUnderTest _client;

    public ClientAllocations() => _client = new ClientUnderTest(); // not before the base class has made room for it

    /// <summary>The call, its response's task, and what Grpc.Core.Api wraps around them.</summary>
    [Fact]
    public void A_unary_call() => Budget.Hold(release: 392, debug: 464, () => _client.Unary(default));

    /// <summary>And a timer, and a header list to say so.</summary>
    [Fact]
    public void A_unary_call_with_a_deadline()
    {
        DateTime deadline = DateTime.UtcNow.AddHours(1);
        Budget.Hold(release: 704, debug: 920, () => _client.Unary(new CallOptions(deadline: deadline)));
    }

    /// <summary>The wait for it and its task: a read that finds its message there costs nothing.</summary>
    [Fact]
    public void A_response_of_many() => Budget.HoldPerMessage(release: 104, debug: 104, _client.ServerStreaming);

    /// <summary>As above, the writer, and 144 for what is kept of its requests until it is answered (their octets come from the pool).</summary>
    [Fact]
    public void A_call_of_many_requests() => Budget.Hold(release: 1320, debug: 1792, _client.Upload);

    [Fact]
    public void A_request_of_many() => Budget.HoldPerMessage(release: 0, debug: 200, _client.ClientStreaming);

    [Fact]
    public void A_message_each_way() => Budget.HoldPerMessage(release: 104, debug: 304, _client.Duplex);
}
