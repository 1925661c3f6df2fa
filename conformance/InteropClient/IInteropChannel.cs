using Grpc.Core;

namespace MiniGrpc.Conformance.InteropClient;

/// <summary>A channel of any gRPC implementation of .NET, for the cases to call on.</summary>
internal interface IInteropChannel : IAsyncDisposable
{
    /// <summary>Makes the calls. Requests are compressed with gzip unless a call's write options say otherwise.</summary>
    CallInvoker Compressing { get; }

    /// <summary>Makes the calls. Requests are sent as they are.</summary>
    CallInvoker Plain { get; }

    /// <summary>How many response messages have come compressed so far.</summary>
    int CompressedResponses { get; }
}
