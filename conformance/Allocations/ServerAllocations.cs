using Grpc.Core;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>
/// What a server allocates beyond messages and what its handlers do, in octets. Whoever allocates less lowers a budget; nobody raises one
/// without a reason.
/// </summary>
public class ServerAllocations : OnOneThread
{
    /// <summary>The context that the handler is given.</summary>
    [Fact]
    public void A_unary_call() => Budget.Hold(release: 144, debug: 384, new ServerUnderTest(MethodType.Unary).Call);

    /// <summary>The timer is the stream's.</summary>
    [Fact]
    public void A_unary_call_with_a_deadline() =>
        Budget.Hold(release: 144, debug: 456, new ServerUnderTest(MethodType.Unary, ("grpc-timeout", "100S")).Call);

    [Fact]
    public void A_response_of_many()
    {
        var server = new ServerUnderTest(MethodType.ServerStreaming);
        Budget.HoldPerMessage(release: 0, debug: 0, messages =>
        {
            server.Responses = messages;
            server.Call();
        });
    }

    /// <summary>The wait for it and its task: a read that finds its message there costs nothing.</summary>
    [Fact]
    public void A_request_of_many() => Budget.HoldPerMessage(release: 104, debug: 104, new ServerUnderTest(MethodType.ClientStreaming).Call);

    [Fact]
    public void A_message_each_way() => Budget.HoldPerMessage(release: 104, debug: 176, new ServerUnderTest(MethodType.DuplexStreaming).Call);
}
