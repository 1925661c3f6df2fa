using System.Collections.Concurrent;
using Google.Protobuf;
using Grpc.Core;
using Grpc.Core.Interceptors;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using MiniGrpc.Server;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>What interceptors of Grpc.Core.Api may do on our server, for each of the four kinds of call.</summary>
public sealed class InterceptorTests
{
    private readonly ConcurrentQueue<string> _steps = [];

    [Theory, Matrix]
    public async Task The_first_one_is_the_outermost(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(peer, kind, Step("outer"), Step("middle"), Step("inner"));

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal(["outer in", "middle in", "inner in", "inner out", "middle out", "outer out"], _steps);
    }

    [Theory, Matrix]
    public async Task An_interceptor_sees_the_call_as_its_handler_does_and_hands_things_on(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(
            peer,
            kind,
            new Around(async (context, next) =>
            {
                context.UserState["from the outer"] = context.RequestHeaders.GetValue("echo-text")!;
                await next(context);
                context.ResponseTrailers.Add("method", context.Method);
            }),
            new Around((context, next) =>
            {
                context.ResponseTrailers.Add("handed-on", (string)context.UserState["from the outer"]);
                return next(context);
            }));

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal("some text", outcome.Trailers.GetValue("handed-on"));
        Assert.Equal($"/minigrpc.conformance.TestService/{kind}", outcome.Trailers.GetValue("method"));
    }

    [Theory, Matrix]
    public async Task An_interceptor_that_throws_a_status_ends_the_call_before_the_handler(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(
            peer,
            kind,
            Step("outer"),
            new Around((_, _) => throw new RpcException(new Status(StatusCode.Unauthenticated, "who are you?"), [new Metadata.Entry("why", "no token")])),
            Step("never"));

        outcome.AssertEndedWith(new Status(StatusCode.Unauthenticated, "who are you?"));
        Assert.Equal("no token", outcome.Trailers.GetValue("why"));
        Assert.Equal(["outer in", "outer threw RpcException"], _steps);
    }

    [Theory, Matrix]
    public async Task An_interceptor_that_throws_anything_else_fails_the_call_without_its_text(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(peer, kind, new Around((_, _) => throw new FormatException("a secret")));

        outcome.AssertEndedWith(new Status(StatusCode.Unknown, "The handler threw an exception."));
    }

    [Theory, Matrix]
    public async Task An_interceptor_may_turn_the_handler_s_exception_into_a_status(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(
            peer,
            kind,
            new Request { Then = Then.Throw, Payload = ByteString.CopyFromUtf8("out of stock"), Answer = new Answer() },
            new Around(async (context, next) =>
            {
                try
                {
                    await next(context);
                }
                catch (InvalidOperationException e)
                {
                    throw new RpcException(new Status(StatusCode.FailedPrecondition, e.Message));
                }
            }));

        outcome.AssertEndedWith(new Status(StatusCode.FailedPrecondition, "out of stock"));
    }

    [Theory, Matrix]
    public async Task A_status_that_is_set_on_the_context_ends_the_call(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(peer, kind, new Around(async (context, next) =>
        {
            await next(context);
            context.Status = new Status(StatusCode.OutOfRange, "too far");
        }));

        outcome.AssertEndedWith(new Status(StatusCode.OutOfRange, "too far"));
    }

    /// <summary>A context of its own, as a decorator: what it says is what the handler sees, and what it passes on takes effect.</summary>
    [Theory, Matrix]
    public async Task An_interceptor_may_put_another_context_in_place(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(peer, kind, new Around(
            (context, next) => next(new OtherContext(context, [new Metadata.Entry("echo-instead", "of the client's")]))));

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal("of the client's", outcome.Trailers.GetValue("echo-instead"));
        Assert.Null(outcome.Trailers.GetValue("echo-text"));
    }

    [Theory, Matrix]
    public async Task An_interceptor_may_put_other_requests_and_responses_in_place(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(peer, kind, new Request { Payload = ByteString.CopyFromUtf8("ping") }, new Replacing());

        outcome.AssertEndedWith(StatusCode.OK);
        string[] expected = kind switch
        {
            Kind.Unary => ["PING!"],
            Kind.ClientStreaming => ["PING!"],
            Kind.ServerStreaming => ["PING!", "bye"],
            _ => ["PING!", "bye"],
        };
        Assert.Equal(expected, outcome.Responses.Select(response => response.Payload.ToStringUtf8()));
    }

    [Theory, Matrix]
    public async Task An_interceptor_may_answer_for_the_handler(IClientPeer peer, Kind kind)
    {
        Outcome outcome = await CallAsync(peer, kind, new Answering(), Step("never"));

        outcome.AssertEndedWith(StatusCode.OK);
        Assert.Equal("from the cache", outcome.Responses.Single().Payload.ToStringUtf8());
        Assert.Empty(_steps);
    }

    /// <summary>Interceptors can't know of what no handler is there for.</summary>
    [Theory, Matrix]
    public async Task No_interceptor_is_asked_about_a_method_that_isn_t_there(IClientPeer peer)
    {
        await using GrpcServer server = await OurServer.StartAsync(server => server.Interceptors.Add(Step("never")));
        await using IClientChannel channel = server.ConnectBy(peer);

        (await AnyCall.RunAsync(new TestService.TestServiceClient(channel.Channel), Kind.Unary, default, new Request()))
            .AssertEndedWith(StatusCode.Unimplemented);
        Assert.Empty(_steps);
    }

    private static Task<Outcome> CallAsync(IClientPeer peer, Kind kind, params Interceptor[] interceptors) =>
        CallAsync(peer, kind, new Request(), interceptors);

    private static async Task<Outcome> CallAsync(IClientPeer peer, Kind kind, Request request, params Interceptor[] interceptors)
    {
        await using GrpcServer server = await OurServer.StartAsync(server =>
        {
            server.Services.Add(TestService.BindService(new ConformanceService(new Metadata.Entry("unused", ""))));
            Array.ForEach(interceptors, server.Interceptors.Add);
        });
        await using IClientChannel channel = server.ConnectBy(peer);
        CallOptions options = new([new Metadata.Entry("echo-text", "some text")]);
        return await AnyCall.RunAsync(new TestService.TestServiceClient(channel.Channel), kind, options, request);
    }

    private Around Step(string name) => new(async (context, next) =>
    {
        _steps.Enqueue($"{name} in");
        try
        {
            await next(context);
            _steps.Enqueue($"{name} out");
        }
        catch (Exception e)
        {
            _steps.Enqueue($"{name} threw {e.GetType().Name}");
            throw;
        }
    });
}
