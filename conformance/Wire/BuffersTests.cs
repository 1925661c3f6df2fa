using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Conformance.Wire;

public class BuffersTests
{
    [Fact]
    public void An_output_buffer_keeps_what_was_written_while_it_grows()
    {
        var buffer = new OutputBuffer();
        byte[] expected = [.. Enumerable.Range(0, 5000).Select(i => (byte)i)];
        foreach (byte b in expected)
        {
            buffer.WriteByte(b);
        }

        Assert.Equal(expected, buffer.WrittenSpan.ToArray());
        buffer.Truncate(10);
        Assert.Equal(expected[..10], buffer.WrittenSpan.ToArray());
        buffer.Release();
        Assert.Equal(0, buffer.Length);
    }
}
