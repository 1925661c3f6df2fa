using Grpc.Core;
using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>Call credentials of one call that answer when a test says so.</summary>
internal sealed class HandCredentials
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _told = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _token = new();

    public HandCredentials() => Credentials = CallCredentials.FromInterceptor(async (context, metadata) =>
    {
        using (context.CancellationToken.Register(_told.SetResult))
        {
            _asked.SetResult();
            await _token.Task;
            metadata.Add("authorization", "Bearer late");
        }
    });

    public CallCredentials Credentials { get; }

    /// <summary>Completes when the call asks.</summary>
    public Task AskedAsync() => RawPeer.Within(_asked.Task, "the credentials to be asked");

    /// <summary>Completes when they are told that their answer is not wanted any more.</summary>
    public Task ToldAsync() => RawPeer.Within(_told.Task, "the credentials to be told");

    /// <summary>Answers; what comes of that runs here.</summary>
    public void Answer() => _token.SetResult();
}
