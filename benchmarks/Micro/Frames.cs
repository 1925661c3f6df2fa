using BenchmarkDotNet.Attributes;

using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Benchmarks.Micro;

/// <summary>Frames to and from octets (RFC 9113 section 4.1).</summary>
[MemoryDiagnoser]
public class Frames
{
    private readonly OutputBuffer _output = new();
    private byte[] _data = [];
    private byte[] _frame = [];

    /// <summary>The payload of DATA.</summary>
    [Params(16, 16_384)]
    public int Octets { get; set; }

    [GlobalSetup]
    public void Setup()
    {
        _data = new byte[Octets];
        WriteData();
        _frame = [.. _output.WrittenSpan];
    }

    [Benchmark]
    public int WriteData()
    {
        _output.Clear();
        DataFrame.Write(_output, 1, _data, endStream: true);
        return _output.Length;
    }

    [Benchmark]
    public int ParseData()
    {
        var header = FrameHeader.Read(_frame);
        DataFrame.Parse(header, _frame.AsSpan(FrameHeader.Size), out DataFrame frame);
        return frame.Data.Length;
    }

    [Benchmark]
    public int WriteWindowUpdate()
    {
        _output.Clear();
        WindowUpdateFrame.Write(_output, 1, Octets);
        return _output.Length;
    }
}
