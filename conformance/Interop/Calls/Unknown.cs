using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop.Calls;

/// <summary>Methods that no server has.</summary>
internal static class Unknown
{
    public static Method<Request, Response> Method(MethodType type) => Make(type, "minigrpc.conformance.TestService", "NoSuchMethod");

    public static Method<Request, Response> Service(MethodType type) => Make(type, "minigrpc.conformance.NoSuchService", "Unary");

    public static Method<Request, Response> OtherCase(MethodType type) => Make(type, "minigrpc.conformance.testservice", "unary");

    private static Method<Request, Response> Make(MethodType type, string service, string name) =>
        new(type, service, name, MarshallerOf(Request.Parser), MarshallerOf(Response.Parser));

    private static Marshaller<T> MarshallerOf<T>(MessageParser<T> parser)
        where T : IMessage<T> =>
        Marshallers.Create(message => message.ToByteArray(), parser.ParseFrom);
}
