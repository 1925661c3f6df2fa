using Grpc.Core;

namespace MiniGrpc.Client;

/// <summary>What the caller of a call can ask beside its messages.</summary>
internal interface ICallHandle : IDisposable
{
    /// <summary>The response's header list, as soon as it is there.</summary>
    Task<Metadata> ResponseHeaders { get; }

    /// <summary>The status of a call that has ended.</summary>
    Status GetStatus();

    /// <summary>The trailers of a call that has ended.</summary>
    Metadata GetTrailers();
}
