using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Conformance.Protos;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop.Service;

/// <summary>A call in the hands of <see cref="ConformanceService"/>: does what one request after the other says.</summary>
internal sealed class ServedCall : IDisposable
{
    /// <summary>A trailer that travels with the exception that ends a call rather than with the context.</summary>
    public const string ThrownTrailerName = "thrown";

    private readonly ServerCallContext _context;
    private readonly CallWatch _watch;
    private readonly CancellationTokenRegistration _onCancelled;
    private readonly Metadata _headers = [];
    private bool _headersSent;
    private int _responses;

    public ServedCall(ServerCallContext context, CallWatch watch)
    {
        _context = context;
        _watch = watch;
        _onCancelled = context.CancellationToken.Register(watch.OnCancelled);
        foreach (Metadata.Entry entry in context.RequestHeaders.Where(entry => entry.Key.StartsWith("echo-", StringComparison.Ordinal)))
        {
            _headers.Add(entry);
            context.ResponseTrailers.Add(entry);
        }

        watch.OnStarted(context);
    }

    /// <summary>Takes the steps of <paramref name="request"/>; without a writer, the caller sends the only response.</summary>
    /// <returns>Whether the call goes on to its next request.</returns>
    public async Task<bool> ObeyAsync(Request request, IServerStreamWriter<Response>? writer, Metadata.Entry? gzip)
    {
        _watch.OnReceived();
        if (gzip is not null)
        {
            _headers.Add(gzip);
        }

        if (request.Headers == Headers.First)
        {
            await SendHeadersAsync();
        }

        if (writer is not null)
        {
            await WriteResponsesAsync(request, writer);
        }

        return await ThenAsync(request);
    }

    public Response MakeResponse(Request request)
    {
        ByteString payload = request.Answer is null ? request.Payload : Pattern.Bytes(request.Answer.Size, _responses);
        _responses++;
        return new Response { Payload = payload, Peer = _context.Peer };
    }

    /// <summary>Sends the headers if there are any of our own; empty ones are left to the server, which sends them by itself.</summary>
    public Task SendHeadersIfAnyAsync() => _headers.Count > 0 ? SendHeadersAsync() : Task.CompletedTask;

    public void Dispose()
    {
        // Who waits for the token may go on, and come here, before the registration's turn.
        if (_context.CancellationToken.IsCancellationRequested)
        {
            _watch.OnCancelled();
        }

        _onCancelled.Dispose();
        _watch.OnEnded();
    }

    private async Task WriteResponsesAsync(Request request, IServerStreamWriter<Response> writer)
    {
        int count = request.Answer?.Count ?? 1;
        for (int i = 0; i < count; i++)
        {
            await SendHeadersIfAnyAsync();
            await _watch.Writes.TrackAsync(writer.WriteAsync(MakeResponse(request)));
        }
    }

    private async Task<bool> ThenAsync(Request request)
    {
        switch (request.Then)
        {
            case Then.End:
                End(new Status((StatusCode)request.Status.Code, request.Status.Message));
                return false;
            case Then.Throw:
                throw new InvalidOperationException(request.Payload.ToStringUtf8());
            case Then.AwaitCancellation:
                _watch.OnWaiting();
                await Task.Delay(Timeout.Infinite, _context.CancellationToken);
                return false;
            case Then.AwaitRelease:
                _watch.OnWaiting();
                await _watch.Released.WaitAsync(_context.CancellationToken);
                return true;
            default:
                return true;
        }
    }

    private void End(Status status)
    {
        if (status.StatusCode != StatusCode.OK)
        {
            throw new RpcException(status, new Metadata { { ThrownTrailerName, "yes" } });
        }

        _context.Status = status;
    }

    private async Task SendHeadersAsync()
    {
        if (!_headersSent)
        {
            _headersSent = true;
            await _context.WriteResponseHeadersAsync(_headers);
        }
    }
}
