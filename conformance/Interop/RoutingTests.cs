using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop;

/// <summary>Calls to what isn't there.</summary>
public sealed class RoutingTests
{
    public enum Target
    {
        UnknownMethod,
        UnknownService,
        NameInOtherCase,
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_call_to_what_the_server_does_not_have_ends_with_UNIMPLEMENTED(Pair pair, Target target)
    {
        Assert.SkipWhen(
            target == Target.NameInOtherCase && pair.Server.IgnoresCaseOfPaths, $"{pair.Server.Name} finds names in any case.");
        await using Session session = await pair.ConnectAsync();
        Method<Request, Response> method = target switch
        {
            Target.UnknownMethod => Unknown.Method(MethodType.Unary),
            Target.UnknownService => Unknown.Service(MethodType.Unary),
            _ => Unknown.OtherCase(MethodType.Unary),
        };

        using AsyncUnaryCall<Response> call = session.Invoker.AsyncUnaryCall(method, null, default, new Request());

        RpcException e = await Assert.ThrowsAsync<RpcException>(() => call.ResponseAsync.WithinLimit());
        Assert.Equal(StatusCode.Unimplemented, e.StatusCode);
    }

    [Theory, Matrix]
    public async Task A_call_to_a_port_that_refuses_ends_with_UNAVAILABLE(IClientPeer peer, Kind kind)
    {
        // Bound, so that nobody else takes the port, but not listening.
        using Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        ServerAddress address = ServerAddress.Tcp(((IPEndPoint)socket.LocalEndPoint!).Port);
        await using IClientChannel channel = peer.Connect(address, ClientSetup.Default);

        Outcome outcome = await AnyCall.RunAsync(new TestService.TestServiceClient(channel.Channel), kind, default, new Request());

        outcome.AssertEndedWith(StatusCode.Unavailable);
    }
}
