using Grpc.Core;

using MiniGrpc.Client.Repeating;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <content>
/// How the requests of a streaming call are sent: on its stream, or on the second one that it has if the server has refused the first
/// (<see cref="SentRequests"/>).
/// </content>
internal abstract partial class TypedCall<TRequest, TResponse>
{
    /// <summary>Sends a request; false when the call has ended.</summary>
    public Task<bool> WriteAsync(TRequest message, WriteOptions? options)
    {
        SentRequests sent = _sent!;
        return !sent.Keeps && sent.Stream is { } stream ? SendAsync(stream, message, options) : SendAndKeepAsync(sent, message, options);
    }

    /// <summary>Says that no more requests follow. A call that has ended needs no saying.</summary>
    public async Task CompleteAsync()
    {
        SentRequests sent = _sent!;
        while ((sent.Stream ?? await sent.WaitForStreamAsync(otherThan: null).ConfigureAwait(false)) is { } stream)
        {
            bool isKept = sent.KeepEnd(stream);
            if (EndRequests(stream) != SendResult.Closed || isKept || sent.Stream == stream)
            {
                return;
            }
        }
    }

    /// <summary>Why no request can be written any more.</summary>
    public Exception EndedException() => Status.StatusCode == StatusCode.OK
        ? new InvalidOperationException("Can't write a request because the call has ended.")
        : ToException();

    private static SendResult EndRequests(ClientStream stream)
    {
        using Http2Connection.GateScope gate = stream.Connection.Enter();
        return gate.Send.EndStream(stream);
    }

    /// <summary>Sends a request of which nothing is kept: the stream is the last one that the call has.</summary>
    private async Task<bool> SendAsync(ClientStream stream, TRequest message, WriteOptions? options)
    {
        if (HasEnded)
        {
            return false;
        }

        MessageSerializer serializer = MessageSerializer.Rent();
        return await stream.WriteAsync(serializer, SerializeOrEnd(serializer, message, options), endStream: false).ConfigureAwait(false);
    }

    /// <summary>Sends a request that may have to be sent again. It is kept first: what the server has got is then never missing.</summary>
    private async Task<bool> SendAndKeepAsync(SentRequests sent, TRequest message, WriteOptions? options)
    {
        while ((sent.Stream ?? await sent.WaitForStreamAsync(otherThan: null).ConfigureAwait(false)) is { } stream && !HasEnded)
        {
            MessageSerializer serializer = MessageSerializer.Rent();
            OutputBuffer octets = SerializeOrEnd(serializer, message, options);
            bool isKept = sent.Keep(stream, octets.WrittenSpan);
            if (await stream.WriteAsync(serializer, octets, endStream: false).ConfigureAwait(false))
            {
                return true;
            }

            if (isKept)
            {
                // The stream is closed. If the server has refused it, the request is the next one's already, with all that was kept.
                return await sent.WaitForStreamAsync(otherThan: stream).ConfigureAwait(false) is not null;
            }

            if (sent.Stream == stream)
            {
                return false; // nothing is kept, so no other one follows
            }
        }

        return false;
    }

    /// <summary>A request that can't be written ends the call: the server would take what follows for all there is.</summary>
    private OutputBuffer SerializeOrEnd(MessageSerializer serializer, TRequest message, WriteOptions? options)
    {
        try
        {
            return Serialize(serializer, message, options);
        }
        catch (Exception e)
        {
            End(LocalStatus.OfRequest(e), abort: true);
            throw;
        }
    }

    /// <summary>The requests, from the caller.</summary>
    internal sealed class CallWriter(TypedCall<TRequest, TResponse> call, WriteOptions? writeOptions) : RequestWriter<TRequest>(writeOptions)
    {
        /// <summary>The call that they are of.</summary>
        internal ClientCall Call => call;

        /// <inheritdoc />
        protected override Task<bool> SendAsync(TRequest message, WriteOptions? options) => call.WriteAsync(message, options);

        /// <inheritdoc />
        protected override Task SayCompleteAsync() => call.CompleteAsync();

        /// <inheritdoc />
        protected override async Task<Exception> EndedExceptionAsync()
        {
            await call.WaitForEndAsync().ConfigureAwait(false);
            return call.EndedException();
        }
    }
}
