using Grpc.Core;

namespace MiniGrpc.Server;

/// <summary>What a handler may ask of its call beyond what <see cref="ServerCallContext"/> has.</summary>
public static class ServerCallContextExtensions
{
    /// <summary>
    /// Whether the request message that was read last came compressed (the Compressed-Flag of gRPC over HTTP/2); of a call that takes
    /// one request, whether that did. False before the first.
    /// </summary>
    /// <exception cref="ArgumentException">The context is not that of a call to a <see cref="GrpcServer"/>.</exception>
    public static bool IsRequestCompressed(this ServerCallContext context) => context is ServerCall call
        ? call.IsRequestCompressed
        : throw new ArgumentException("Only the context of a call to a GrpcServer knows this.", nameof(context));
}
