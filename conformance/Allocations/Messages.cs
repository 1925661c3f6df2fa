using System.Buffers;

using Grpc.Core;

namespace MiniGrpc.Conformance.Allocations;

/// <summary>Methods whose messages cost nothing: what is measured is the engine's alone.</summary>
internal static class Messages
{
    /// <summary>The only message there is.</summary>
    public static readonly byte[] Message = new byte[16];

    private static readonly Marshaller<byte[]> s_marshaller = new(
        (message, context) =>
        {
            context.GetBufferWriter().Write(message);
            context.Complete();
        },
        context =>
        {
            Assert.True(context.PayloadAsReadOnlySequence().Length == Message.Length);
            return Message;
        });

    public static readonly Method<byte[], byte[]> Unary = Define(MethodType.Unary);
    public static readonly Method<byte[], byte[]> ClientStreaming = Define(MethodType.ClientStreaming);
    public static readonly Method<byte[], byte[]> ServerStreaming = Define(MethodType.ServerStreaming);
    public static readonly Method<byte[], byte[]> Duplex = Define(MethodType.DuplexStreaming);

    private static Method<byte[], byte[]> Define(MethodType type) => new(type, "test", type.ToString(), s_marshaller, s_marshaller);
}
