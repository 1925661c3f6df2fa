using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>What a case is given: channels to one server, and how long the long ones are to be.</summary>
internal sealed class InteropRun(Func<IInteropChannel> connect, SoakSettings soak, TextWriter? output = null) : IAsyncDisposable
{
    /// <summary>No case takes longer than that, the soaks aside.</summary>
    public static TimeSpan Patience => TimeSpan.FromSeconds(100);

    /// <summary>The channel of the cases that need no other.</summary>
    public IInteropChannel Channel { get; } = connect();

    public SoakSettings Soak => soak;

    /// <summary>For what a case has to tell besides whether it passed.</summary>
    public TextWriter Output { get; } = output ?? TextWriter.Null;

    /// <summary>The service, on a channel that sends requests as they are.</summary>
    public TestService.TestServiceClient Client => new(Channel.Plain);

    /// <summary>The service, on a channel that compresses requests.</summary>
    public TestService.TestServiceClient Compressing => new(Channel.Compressing);

    /// <summary>One more channel, the caller's to dispose of.</summary>
    public IInteropChannel Connect() => connect();

    public ValueTask DisposeAsync() => Channel.DisposeAsync();
}

/// <summary>How long a soak is, and what it lets pass.</summary>
/// <param name="Iterations">How many calls are made, one after the other.</param>
/// <param name="MaxFailures">How many of them may fail or be too slow.</param>
/// <param name="MaxLatency">What is too slow.</param>
/// <param name="Timeout">What all of them together may take.</param>
internal sealed record SoakSettings(int Iterations, int MaxFailures, TimeSpan MaxLatency, TimeSpan Timeout)
{
    public static SoakSettings Default { get; } = new(10, 0, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(10));

    /// <summary>The octets of a request's payload.</summary>
    public int RequestSize { get; init; } = Messages.LargeRequest;

    /// <summary>The octets of a response's payload.</summary>
    public int ResponseSize { get; init; } = Messages.LargeResponse;

    /// <summary>How soon a call may follow the one before it, from start to start.</summary>
    public TimeSpan Interval { get; init; } = TimeSpan.Zero;
}
