using System.Globalization;

using Grpc.Core;

using MiniGrpc.Client;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>The caller of one call, who does what its plan says and checks what comes of it.</summary>
internal sealed class SimCaller(SimWorld world, CallRecord call, MiniChannel channel)
{
    private readonly CancellationTokenSource _token = new();
    private readonly CallPlan _plan = call.Plan;
    private Action? _dispose;

    /// <summary>Runs the call from its start to the last look at it. Doesn't throw.</summary>
    public async Task RunAsync()
    {
        await world.DelayAsync(_plan.Start);
        try
        {
            world.Note("call", _plan.Number);
            call.Step = "starting";
            await CallAsync();
        }
        catch (ObjectDisposedException) when (world.ChannelIsClosed)
        {
            call.Status = new Status(StatusCode.Cancelled, "not started: the channel was closed");
        }
        catch (Exception e)
        {
            world.Fail($"a caller met what it should not: {e}\n{call}");
        }

        world.CheckThread("a call has ended");
        call.IsOver = true;
        call.Step = "over";
    }

    private async Task CallAsync()
    {
        CallInvoker invoker = channel.CreateCallInvoker();
        Method<byte[], byte[]> method = world.Service.Method(_plan);
        CallOptions options = Options();
        byte[] first = _plan.StreamsRequests ? [] : Payload.Make(_plan.Key, 0, _plan.Requests[0]);
        if (!_plan.StreamsRequests)
        {
            call.RequestsSent = 1;
            call.HalfClosed = true;
        }

        switch (_plan.Type)
        {
            case MethodType.Unary:
                AsyncUnaryCall<byte[]> unary = invoker.AsyncUnaryCall(method, null, options, first);
                Began(unary.Dispose, unary.GetStatus);
                await FollowAsync(null, unary.ResponseAsync, null, unary.ResponseHeadersAsync, unary.GetTrailers);
                break;
            case MethodType.ClientStreaming:
                AsyncClientStreamingCall<byte[], byte[]> up = invoker.AsyncClientStreamingCall(method, null, options);
                Began(up.Dispose, up.GetStatus);
                await FollowAsync(up.RequestStream, up.ResponseAsync, null, up.ResponseHeadersAsync, up.GetTrailers);
                break;
            case MethodType.ServerStreaming:
                AsyncServerStreamingCall<byte[]> down = invoker.AsyncServerStreamingCall(method, null, options, first);
                Began(down.Dispose, down.GetStatus);
                await FollowAsync(null, null, down.ResponseStream, down.ResponseHeadersAsync, down.GetTrailers);
                down.Dispose();
                break;
            default:
                AsyncDuplexStreamingCall<byte[], byte[]> both = invoker.AsyncDuplexStreamingCall(method, null, options);
                Began(both.Dispose, both.GetStatus);
                await FollowAsync(both.RequestStream, null, both.ResponseStream, both.ResponseHeadersAsync, both.GetTrailers);
                both.Dispose();
                break;
        }
    }

    private CallOptions Options()
    {
        var headers = new Metadata { { SimService.CallKey, _plan.Number.ToString(CultureInfo.InvariantCulture) } };
        if (_plan.IsCompressed)
        {
            headers.Add("grpc-internal-encoding-request", "gzip");
        }

        DateTime? deadline = null;
        if (_plan.Deadline is { } patience)
        {
            deadline = world.Time.GetUtcNow().UtcDateTime + patience;
            call.DueTicks = world.Time.Ticks + patience.Ticks;
        }

        if (_plan.CancelAfter is { } wait)
        {
            world.Time.After(wait, () =>
            {
                call.WasCancelled = true;
                _token.Cancel();
            });
        }

        var options = new CallOptions(headers, deadline, _plan.CancelAfter is null ? CancellationToken.None : _token.Token);
        return _plan.WaitsForReady ? options.WithWaitForReady() : options;
    }

    private void Began(Action dispose, Func<Status> getStatus)
    {
        call.AskAgain = getStatus;
        _dispose = dispose;
        if (_plan.DisposeAfter is { } wait)
        {
            world.Time.After(wait, () =>
            {
                call.WasCancelled = true;
                dispose();
            });
        }
    }

    /// <summary>Writes, reads, and asks for headers at the same time, until all of it has come to an end.</summary>
    private async Task FollowAsync(
        IClientStreamWriter<byte[]>? requests,
        Task<byte[]>? response,
        IAsyncStreamReader<byte[]>? responses,
        Task<Metadata> headers,
        Func<Metadata> getTrailers)
    {
        call.Step = "under way";
        Task<Metadata?>? askingForHeaders = _plan.AsksForHeaders ? HeadersAsync(headers) : null;
        Task? writing = null;
        if (requests is not null)
        {
            ClientCall sent = ((TypedCall<byte[], byte[]>.CallWriter)requests).Call;
            call.WasSentAgain = () => Inside.WasSentAgain(sent);
            writing = WriteAllAsync(requests);
        }

        Status? seen = response is not null ? await ResponseAsync(response) : await ReadAllAsync(responses!);
        world.CheckThread("a status came in");
        if (seen is null)
        {
            // Enough was read. Whoever is done with a call says so.
            await PauseAsync();
            call.WasCancelled = true;
            call.Step = "disposing";
            _dispose!();
        }

        Status status = call.AskAgain!();
        bool gaveUp = call.WasCancelled && seen?.StatusCode == StatusCode.Cancelled && status.StatusCode == StatusCode.OK;
        if (seen is { } told && !Verdicts.AreSame(told, status) && !gaveUp)
        {
            world.Fail($"the call's status is {status}, but {seen} was seen: {call}");
        }

        call.Status = status;
        world.Note("status", _plan.Number, (int)status.StatusCode);
        Verdicts.Check(world, call);
        if (status.StatusCode == StatusCode.OK && getTrailers().GetValue(SimService.EndKey) != $"{_plan.Number}")
        {
            world.Fail($"a call that succeeded has lost its trailers: {call}");
        }

        call.Step = "waiting for its headers";
        Metadata? got = askingForHeaders is null ? null : await askingForHeaders;
        if (got is not null && status.StatusCode == StatusCode.OK && _plan.SendsHeaders && got.GetValue(SimService.CallKey) != $"{_plan.Number}")
        {
            world.Fail($"a call has lost its response headers: {call}");
        }

        call.Step = "waiting for its writes";
        await (writing ?? Task.CompletedTask);
    }

    private async Task<Status?> ResponseAsync(Task<byte[]> response)
    {
        try
        {
            CheckResponse(await response);
            call.ReadToTheEnd = true;
            return Status.DefaultSuccess;
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }

    private async Task<Status?> ReadAllAsync(IAsyncStreamReader<byte[]> responses)
    {
        var readToken = new CancellationTokenSource();
        if (_plan.CancelsReads)
        {
            world.Time.After(world.Random.UpTo(world.Swarm.Span * 2), () =>
            {
                if (!call.ReadToTheEnd && call.Status is null)
                {
                    call.WasCancelled = true;
                    readToken.Cancel();
                }
            });
        }

        try
        {
            while (_plan.ClientReads < 0 || call.ResponsesRead < _plan.ClientReads)
            {
                call.Step = "reading";
                if (!await responses.MoveNext(_plan.CancelsReads ? readToken.Token : CancellationToken.None))
                {
                    call.ReadToTheEnd = true;
                    return Status.DefaultSuccess;
                }

                CheckResponse(responses.Current);
                await PauseAsync();
            }

            return null;
        }
        catch (RpcException e)
        {
            return e.Status;
        }
    }

    private async Task WriteAllAsync(IClientStreamWriter<byte[]> requests)
    {
        var writeToken = new CancellationTokenSource();
        if (_plan.CancelsWrites)
        {
            world.Time.After(world.Random.UpTo(world.Swarm.Span), () =>
            {
                if (!call.IsOver)
                {
                    writeToken.Cancel();
                }
            });
        }

        try
        {
            for (int i = 0; i < _plan.Requests.Length; i++)
            {
                await PauseAsync();
                byte[] message = Payload.Make(_plan.Key, i, _plan.Requests[i]);
                call.RequestsSent++;
                await requests.WriteAsync(message, _plan.CancelsWrites ? writeToken.Token : CancellationToken.None);
                world.CheckThread("a request was written");
            }

            await PauseAsync();
            if (_plan.HalfCloses)
            {
                call.HalfClosed = true;
                await requests.CompleteAsync();
            }
        }
        catch (RpcException)
        {
            // The call has ended; its status is looked at by whoever reads.
        }
        catch (InvalidOperationException) when (Ended())
        {
            // So it has, with OK.
        }
        catch (OperationCanceledException) when (writeToken.IsCancellationRequested)
        {
            // Nobody knows whether the message will be sent: nothing can follow it, and the call is given up.
            call.WasCancelled = true;
            _dispose!();
        }
    }

    private bool Ended()
    {
        try
        {
            return call.AskAgain!().StatusCode == StatusCode.OK;
        }
        catch (InvalidOperationException)
        {
            return false;
        }
    }

    private static async Task<Metadata?> HeadersAsync(Task<Metadata> headers)
    {
        try
        {
            return await headers;
        }
        catch (RpcException)
        {
            return null;
        }
    }

    private async Task PauseAsync()
    {
        if (_plan.ClientPause > 0 && world.Random.OneIn(2))
        {
            await world.DelayAsync(world.Random.UpTo(_plan.ClientPause));
        }
    }

    private void CheckResponse(byte[] response)
    {
        world.CheckThread("a response was read");
        int number = call.ResponsesRead++;
        if (number >= call.ResponsesSent || !Payload.Matches(response, _plan.ResponseKey, number, _plan.ResponseLength(number)))
        {
            world.Fail($"response {number} is not what was sent: {call}");
        }
    }
}
