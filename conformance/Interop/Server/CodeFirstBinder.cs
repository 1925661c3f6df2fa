using Grpc.Core;
using ProtoBuf.Grpc.Configuration;

namespace MiniGrpc.Conformance.Interop.Server;

/// <summary>
/// Makes what a server takes of a service that is written in C# first (protobuf-net.Grpc): all of it that our server needs. As
/// docs/services.md shows it.
/// </summary>
internal sealed class CodeFirstBinder : ServerBinder
{
    /// <summary>Binds every operation of the contract <typeparamref name="TContract"/>.</summary>
    public static ServerServiceDefinition Bind<TContract>(TContract service)
        where TContract : class
    {
        ServerServiceDefinition.Builder builder = ServerServiceDefinition.CreateBuilder();
        new CodeFirstBinder().Bind(builder, service: service);
        return builder.Build();
    }

    protected override bool TryBind<TService, TRequest, TResponse>(
        ServiceBindContext bindContext, Method<TRequest, TResponse> method, MethodStub<TService> stub)
    {
        var builder = (ServerServiceDefinition.Builder)bindContext.State;
        switch (method.Type)
        {
            case MethodType.Unary:
                builder.AddMethod(method, stub.CreateDelegate<UnaryServerMethod<TRequest, TResponse>>());
                return true;
            case MethodType.ClientStreaming:
                builder.AddMethod(method, stub.CreateDelegate<ClientStreamingServerMethod<TRequest, TResponse>>());
                return true;
            case MethodType.ServerStreaming:
                builder.AddMethod(method, stub.CreateDelegate<ServerStreamingServerMethod<TRequest, TResponse>>());
                return true;
            case MethodType.DuplexStreaming:
                builder.AddMethod(method, stub.CreateDelegate<DuplexStreamingServerMethod<TRequest, TResponse>>());
                return true;
            default:
                return false;
        }
    }
}
