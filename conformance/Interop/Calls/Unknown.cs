using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop.Calls;

/// <summary>Methods that no server has.</summary>
internal static class Unknown
{
    public static Method<Request, Response> Method { get; } = Make("minigrpc.conformance.TestService", "NoSuchMethod");

    public static Method<Request, Response> Service { get; } = Make("minigrpc.conformance.NoSuchService", "Unary");

    public static Method<Request, Response> OtherCase { get; } = Make("minigrpc.conformance.testservice", "unary");

    private static Method<Request, Response> Make(string service, string name) =>
        new(MethodType.DuplexStreaming, service, name, MarshallerOf(Request.Parser), MarshallerOf(Response.Parser));

    private static Marshaller<T> MarshallerOf<T>(MessageParser<T> parser)
        where T : IMessage<T> =>
        Marshallers.Create(message => message.ToByteArray(), parser.ParseFrom);
}
