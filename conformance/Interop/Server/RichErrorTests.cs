using Google.Protobuf.WellKnownTypes;
using Google.Rpc;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Protos;
using Status = Google.Rpc.Status;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>
/// gRPC's richer error model, by Grpc.StatusProto: a google.rpc.Status in the trailer <c>grpc-status-details-bin</c>, thrown by a
/// handler and read from the client's exception, between us and the official peers both ways.
/// </summary>
public sealed class RichErrorTests
{
    private static readonly Status s_error = new()
    {
        Code = (int)Code.InvalidArgument,
        Message = "zwei Fehler: \u263a and more",
        Details =
        {
            Any.Pack(new BadRequest
            {
                FieldViolations =
                {
                    new BadRequest.Types.FieldViolation { Field = "name", Description = "must not be empty" },
                    new BadRequest.Types.FieldViolation { Field = "count", Description = "must be positive" },
                },
            }),
            Any.Pack(new RetryInfo { RetryDelay = Duration.FromTimeSpan(TimeSpan.FromSeconds(3)) }),
        },
    };

    [Theory, Matrix]
    public async Task The_details_of_an_error_arrive(Pair pair, Kind kind, bool afterResponses)
    {
        await using IRunningServer server = await pair.Server.StartAsync(new ServerSetup
        {
            Transport = pair.Transport,
            Services = [TestService.BindService(new Failing(s_error.ToRpcException(), afterResponses))],
        });
        await using IClientChannel channel = pair.Client.Connect(server.Address, ClientSetup.Default);

        RpcException e = await FailureAsync(new TestService.TestServiceClient(channel.Channel), kind);

        Assert.Equal((StatusCode.InvalidArgument, s_error.Message), (e.StatusCode, e.Status.Detail));
        Status? status = e.GetRpcStatus();
        Assert.Equal(s_error, status);
        Assert.Equal(["name", "count"], status!.GetDetail<BadRequest>()!.FieldViolations.Select(violation => violation.Field));
        Assert.Equal(3, status!.GetDetail<RetryInfo>()!.RetryDelay.Seconds);
    }

    [Theory, Matrix]
    public async Task An_error_without_details_has_none(Pair pair)
    {
        await using IRunningServer server = await pair.Server.StartAsync(new ServerSetup
        {
            Transport = pair.Transport,
            Services = [TestService.BindService(new Failing(new RpcException(new Grpc.Core.Status(StatusCode.NotFound, "nothing")), afterResponses: false))],
        });
        await using IClientChannel channel = pair.Client.Connect(server.Address, ClientSetup.Default);

        RpcException e = await FailureAsync(new TestService.TestServiceClient(channel.Channel), Kind.Unary);

        Assert.Null(e.GetRpcStatus());
    }

    private static async Task<RpcException> FailureAsync(TestService.TestServiceClient client, Kind kind)
    {
        using AnyCall call = await AnyCall.StartAsync(client, kind, default, new Request());
        if (call.Requests is not null)
        {
            await call.TryCompleteAsync();
        }

        return await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (await call.ReadAsync() is not null)
            {
            }
        });
    }

    /// <summary>Fails every call, at once or after a response where there may be one.</summary>
    private sealed class Failing(RpcException error, bool afterResponses) : TestService.TestServiceBase
    {
        public override Task<Response> Unary(Request request, ServerCallContext context) => throw error;

        public override Task<Response> ClientStreaming(IAsyncStreamReader<Request> requestStream, ServerCallContext context) => throw error;

        public override Task ServerStreaming(Request request, IServerStreamWriter<Response> responseStream, ServerCallContext context) =>
            FailAsync(responseStream);

        public override Task Bidi(
            IAsyncStreamReader<Request> requestStream, IServerStreamWriter<Response> responseStream, ServerCallContext context) =>
            FailAsync(responseStream);

        private async Task FailAsync(IServerStreamWriter<Response> responses)
        {
            if (afterResponses)
            {
                await responses.WriteAsync(new Response());
            }

            throw error;
        }
    }
}
