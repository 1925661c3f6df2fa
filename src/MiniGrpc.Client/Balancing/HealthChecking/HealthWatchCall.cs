using Grpc.Core;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client.Balancing.HealthChecking;

/// <summary>The call of Watch: it goes to one connection and to no other, with the channel's call credentials if it has some.</summary>
internal sealed class HealthWatchCall(MiniChannel channel, Http2Connection connection)
    : StreamingResponseCall<string, HealthReport>(channel, HealthMessages.Watch, default)
{
    private bool _isNoted;

    /// <summary>Whether it has ended because the connection has no free stream, which says nothing of the server's health.</summary>
    public bool FoundNoStream { get; private set; }

    /// <inheritdoc />
    protected override bool IsUsers => false;

    /// <inheritdoc />
    protected override void Route()
    {
        OpenResult result = TryOpen(connection);
        if (result != OpenResult.Opened)
        {
            // A server that allows no call now may allow one at the next attempt. The connection's end is reported elsewhere.
            FoundNoStream = result == OpenResult.AtLimit;
            string why = FoundNoStream ? "the connection has no free stream" : "the connection takes no more calls";
            End(new Status(StatusCode.Unavailable, why), abort: true);
        }
    }

    /// <inheritdoc />
    protected override void Prepare(ClientStream stream)
    {
        base.Prepare(stream);
        stream.LeaveUncounted();
        if (_isNoted)
        {
            connection.NoteOwnCallEnded(); // the stream that the server refused, in whose place this one is
        }

        _isNoted = true;
        connection.NoteOwnCall();
    }

    /// <inheritdoc />
    protected override void OnEnded()
    {
        base.OnEnded();
        if (_isNoted)
        {
            connection.NoteOwnCallEnded();
        }
    }
}
