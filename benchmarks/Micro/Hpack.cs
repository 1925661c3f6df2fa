using System.Text;

using BenchmarkDotNet.Attributes;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Benchmarks.Micro;

/// <summary>Header lists of real calls, to and from octets (RFC 7541): by a new connection, and by one that has had the list before.</summary>
[MemoryDiagnoser]
public class Hpack
{
    private readonly Sink _sink = new();
    private readonly OutputBuffer _output = new();
    private readonly HpackEncoder _encoder = new();
    private readonly HpackDecoder _decoder = new();
    private (byte[] Name, byte[] Value)[] _fields = [];
    private byte[] _firstBlock = [];
    private byte[] _repeatedBlock = [];

    /// <summary>Which list.</summary>
    public enum List
    {
        /// <summary>What a call starts with.</summary>
        Request,

        /// <summary>The same with a deadline, a bearer token and a trace.</summary>
        RequestWithMetadata,

        /// <summary>What a call ends with.</summary>
        Trailers,
    }

    [ParamsAllValues]
    public List Fields { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        string[] fields = Fields switch
        {
            List.Trailers => ["grpc-status: 0"],
            List.Request => s_request,
            _ =>
            [
                .. s_request,
                "grpc-timeout: 4999837u",
                $"authorization: Bearer {new string('x', 300)}",
                "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            ],
        };
        _fields = [.. fields.Select(field => field.Split(": ")).Select(pair => (Encoding.ASCII.GetBytes(pair[0]), Encoding.ASCII.GetBytes(pair[1])))];
        _firstBlock = [.. Encode(_encoder)];
        _repeatedBlock = [.. Encode(_encoder)];
        _decoder.Decode(_firstBlock, _sink);
    }

    [Benchmark]
    public int EncodeFirst() => Encode(new HpackEncoder()).Length;

    [Benchmark]
    public int EncodeRepeated() => Encode(_encoder).Length;

    [Benchmark]
    public int DecodeFirst()
    {
        new HpackDecoder().Decode(_firstBlock, _sink);
        return _sink.Octets;
    }

    [Benchmark]
    public int DecodeRepeated()
    {
        _decoder.Decode(_repeatedBlock, _sink);
        return _sink.Octets;
    }

    private ReadOnlySpan<byte> Encode(HpackEncoder encoder)
    {
        _output.Clear();
        encoder.BeginBlock(_output);
        foreach ((byte[] name, byte[] value) in _fields)
        {
            encoder.Encode(_output, name, value, name.AsSpan().SequenceEqual("grpc-timeout"u8) ? Indexing.Without : Indexing.Incremental);
        }

        return _output.WrittenSpan;
    }

    private static readonly string[] s_request =
    [
        ":method: POST", ":scheme: http", ":path: /benchmark.Benchmark/Unary", ":authority: localhost:50051", "te: trailers",
        "content-type: application/grpc", "user-agent: grpc-python/1.71.0 grpc-c/46.0.0 (linux; chttp2)", "grpc-accept-encoding: identity, deflate, gzip",
    ];

    private sealed class Sink : IFieldSink
    {
        public int Octets { get; private set; }

        public void OnField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value) => Octets += name.Length + value.Length;
    }
}
