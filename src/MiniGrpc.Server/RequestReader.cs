using Grpc.Core;

using MiniGrpc.Wire.Calls;

namespace MiniGrpc.Server;

/// <summary>The requests of a streaming call, for its handler.</summary>
internal sealed class RequestReader<T>(ServerCall call, Marshaller<T> marshaller) : StreamReader<T>, IResumable
{
    /// <inheritdoc />
    protected override InboxStatus ReadNext(out T message, out Exception? error)
    {
        message = default!;
        error = call.EndedException("read the next request");
        if (error is not null)
        {
            return InboxStatus.Error;
        }

        InboxStatus status = call.ReadRequest(marshaller, out message, out Status wrong);
        if (status == InboxStatus.Error)
        {
            error = new RpcException(wrong);
        }

        return status;
    }

    void IResumable.Resume() => Resume();
}

/// <summary>What waits for the stream's next message, whatever the type of the message.</summary>
internal interface IResumable
{
    /// <summary>Looks again. Runs on the thread pool.</summary>
    void Resume();
}
