using System.Buffers;

using BenchmarkDotNet.Attributes;

using Google.Protobuf;

using Grpc.Core;

using MiniGrpc.Benchmarks.Protos;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Benchmarks.Micro;

/// <summary>A message with its prefix, to and from octets (gRPC over HTTP/2, Length-Prefixed-Message).</summary>
[MemoryDiagnoser]
public class Messages
{
    private static readonly Marshaller<Echo> s_marshaller = new(
        static (message, context) =>
        {
            context.SetPayloadLength(message.CalculateSize());
            message.WriteTo(context.GetBufferWriter());
            context.Complete();
        },
        static context => Echo.Parser.ParseFrom(context.PayloadAsReadOnlySequence()));

    private Echo _message = new();
    private ReadOnlySequence<byte> _octets;

    /// <summary>The payload.</summary>
    [Params(16, 65_536)]
    public int Octets { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _message = new Echo { Payload = ByteString.CopyFrom(new byte[Octets]) };
        MessageSerializer serializer = MessageSerializer.Rent();
        _octets = new ReadOnlySequence<byte>(serializer.Serialize(s_marshaller, _message, null, null).WrittenSpan.ToArray());
        serializer.Return();
    }

    [Benchmark]
    public int Serialize()
    {
        MessageSerializer serializer = MessageSerializer.Rent();
        OutputBuffer message = serializer.Serialize(s_marshaller, _message, null, null);
        int length = message.Length;
        serializer.Return();
        return length;
    }

    [Benchmark]
    public Echo Deserialize()
    {
        MessageReader.TryRead(_octets, int.MaxValue, out MessagePrefix prefix, out ReadOnlySequence<byte> payload, out _, out _);
        MessageDeserializer.TryDeserialize(s_marshaller, prefix, payload, null, int.MaxValue, out Echo message, out _);
        return message;
    }
}
