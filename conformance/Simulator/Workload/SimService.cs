using System.Globalization;

using Grpc.Core;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>The service: one method of each kind, which does what the call's plan says.</summary>
internal sealed class SimService
{
    /// <summary>The metadata that says which call it is.</summary>
    public const string CallKey = "sim-call";

    /// <summary>The trailer of every call that a handler has ended.</summary>
    public const string EndKey = "sim-end";

    private readonly SimWorld _world;
    private readonly Marshaller<byte[]> _marshaller;

    public SimService(SimWorld world)
    {
        _world = world;
        _marshaller = new Marshaller<byte[]>(Serialize, Deserialize);
    }

    public Method<byte[], byte[]> Method(CallPlan plan) =>
        new(plan.Type, "sim.Service", plan.IsUnknown ? "Unknown" : plan.Type.ToString(), _marshaller, _marshaller);

    public ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Define(MethodType.Unary), (request, context) => RunAsync(context, call => OneAsync(call, context, null, request)))
        .AddMethod(Define(MethodType.ClientStreaming), (requests, context) => RunAsync(context, call => OneAsync(call, context, requests, null)))
        .AddMethod(Define(MethodType.ServerStreaming), (request, responses, context) => RunAsync(context, call => ManyAsync(call, context, null, request, responses)))
        .AddMethod(Define(MethodType.DuplexStreaming), (requests, responses, context) => RunAsync(context, call => ManyAsync(call, context, requests, null, responses)))
        .Build();

    private Method<byte[], byte[]> Define(MethodType type) => new(type, "sim.Service", type.ToString(), _marshaller, _marshaller);

    private void Serialize(byte[] message, SerializationContext context)
    {
        _world.CheckThread("a message was serialized");
        if (message.Length % 2 == 0)
        {
            context.Complete(message);
            return;
        }

        context.SetPayloadLength(message.Length);
        message.CopyTo(context.GetBufferWriter().GetSpan(message.Length));
        context.GetBufferWriter().Advance(message.Length);
        context.Complete();
    }

    private byte[] Deserialize(DeserializationContext context)
    {
        _world.CheckThread("a message was deserialized");
        return context.PayloadAsNewBuffer();
    }

    /// <summary>Keeps the books around a handler.</summary>
    private async Task<T> RunAsync<T>(ServerCallContext context, Func<CallRecord, Task<T>> handler)
    {
        _world.CheckThread("a handler was started");
        CallRecord call = _world.Calls[int.Parse(context.RequestHeaders.GetValue(CallKey)!, CultureInfo.InvariantCulture)];
        _world.Note("handler", call.Plan.Number, 0);
        if (++call.HandlersStarted > 1)
        {
            _world.Fail($"a call's handler was started twice: {call}");
        }

        try
        {
            return await handler(call);
        }
        catch (RpcException e)
        {
            call.Outcome ??= e.StatusCode;
            throw;
        }
        catch (Exception e) when (e is OperationCanceledException or InvalidOperationException && call.Outcome is null)
        {
            // Only somebody else can have ended the call, and only for a reason.
            if (Verdicts.ReasonToBeCutOff(_world, call) is null)
            {
                _world.Fail($"a handler was cut off without a reason ({e.Message}): {call}");
            }

            throw;
        }
        finally
        {
            _world.CheckThread("a handler has ended");
            call.HandlersEnded++;
            call.HandlerStep = "over";
            _world.Note("handled", call.Plan.Number, (int)(call.Outcome ?? (StatusCode)99));
        }
    }

    private async Task<byte[]> OneAsync(CallRecord call, ServerCallContext context, IAsyncStreamReader<byte[]>? requests, byte[]? request)
    {
        await ReadAsync(call, context, requests, request, null);
        await EndAsync(call, context);
        call.ResponsesSent = 1;
        return Payload.Make(call.Plan.ResponseKey, 0, call.Plan.Responses[0]);
    }

    private async Task<bool> ManyAsync(
        CallRecord call, ServerCallContext context, IAsyncStreamReader<byte[]>? requests, byte[]? request, IServerStreamWriter<byte[]> responses)
    {
        await ReadAsync(call, context, requests, request, call.Plan.Echoes ? responses : null);
        for (int i = 0; i < call.Plan.Responses.Length && !call.Plan.Echoes; i++)
        {
            await WriteAsync(call, responses);
        }

        await EndAsync(call, context);
        return true;
    }

    private async Task ReadAsync(
        CallRecord call, ServerCallContext context, IAsyncStreamReader<byte[]>? requests, byte[]? request, IServerStreamWriter<byte[]>? echo)
    {
        CallPlan plan = call.Plan;
        if (plan.SendsHeaders)
        {
            call.HandlerStep = "sending headers";
            await PauseAsync(call);
            await context.WriteResponseHeadersAsync(new Metadata { { CallKey, plan.Number.ToString(CultureInfo.InvariantCulture) } });
        }

        if (request is not null)
        {
            CheckRequest(call, request);
            return;
        }

        while (plan.HandlerReads < 0 || call.RequestsRead < plan.HandlerReads)
        {
            call.HandlerStep = "reading";
            if (!await requests!.MoveNext(CancellationToken.None))
            {
                if (!call.HalfClosed || call.RequestsRead != call.RequestsSent)
                {
                    _world.Fail($"a handler saw the end of requests that have not ended: {call}");
                }

                return;
            }

            CheckRequest(call, requests.Current);
            await PauseAsync(call);
            if (echo is not null)
            {
                await WriteAsync(call, echo);
            }
        }
    }

    private async Task WriteAsync(CallRecord call, IServerStreamWriter<byte[]> responses)
    {
        int number = call.ResponsesSent++;
        call.HandlerStep = "writing";
        await responses.WriteAsync(Payload.Make(call.Plan.ResponseKey, number, call.Plan.ResponseLength(number)));
        _world.CheckThread("a response was written");
        await PauseAsync(call);
    }

    /// <summary>Ends the call as planned: returns for OK, or throws.</summary>
    private async Task EndAsync(CallRecord call, ServerCallContext context)
    {
        CallPlan plan = call.Plan;
        call.HandlerStep = "ending";
        await PauseAsync(call);
        context.ResponseTrailers.Add(EndKey, plan.Number.ToString(CultureInfo.InvariantCulture));
        if (plan.Ending == Ending.Hang)
        {
            call.HandlerStep = "hanging";
            await UntilCancelledAsync(context.CancellationToken);
            await PauseAsync(call);
            throw new OperationCanceledException(context.CancellationToken);
        }

        if (plan.IgnoresCancellation)
        {
            await _world.DelayAsync(_world.Random.UpTo(100));
        }

        call.Outcome = plan.Ending switch
        {
            Ending.Ok => StatusCode.OK,
            Ending.Throw => StatusCode.Unknown,
            _ => plan.Code,
        };
        switch (plan.Ending)
        {
            case Ending.Status:
                throw new RpcException(new Status(plan.Code, "as planned"));
            case Ending.SetStatus:
                context.Status = new Status(plan.Code, "as planned");
                break;
            case Ending.Throw:
                throw new FormatException("as planned");
        }
    }

    private async Task UntilCancelledAsync(CancellationToken token)
    {
        var cancelled = new TaskCompletionSource();
        await using CancellationTokenRegistration registration = token.UnsafeRegister(
            _ =>
            {
                _world.CheckThread("a token was cancelled");
                cancelled.TrySetResult();
            },
            null);
        await cancelled.Task;
    }

    private async Task PauseAsync(CallRecord call)
    {
        if (call.Plan.HandlerPause > 0 && _world.Random.OneIn(2))
        {
            await _world.DelayAsync(_world.Random.UpTo(call.Plan.HandlerPause));
        }
    }

    private void CheckRequest(CallRecord call, byte[] request)
    {
        _world.CheckThread("a request was read");
        int number = call.RequestsRead++;
        if (number >= call.RequestsSent || !Payload.Matches(request, call.Plan.Key, number, call.Plan.Requests[number]))
        {
            _world.Fail($"request {number} is not what was sent: {call}");
        }
    }
}
