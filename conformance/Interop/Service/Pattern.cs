using Google.Protobuf;

namespace MiniGrpc.Conformance.Interop.Service;

/// <summary>Payloads that are cheap to make and to check: byte i of the pattern that starts at n is (n + i) mod 251.</summary>
internal static class Pattern
{
    private const int Period = 251;

    private static readonly byte[] s_bytes = Make((8 << 20) + Period);

    /// <summary>The pattern, not copied.</summary>
    public static ByteString Bytes(int size, int start = 0) => UnsafeByteOperations.UnsafeWrap(s_bytes.AsMemory(start % Period, size));

    public static void AssertIs(int size, int start, ByteString payload)
    {
        Assert.Equal(size, payload.Length);
        Assert.True(s_bytes.AsSpan(start % Period, size).SequenceEqual(payload.Span), $"The payload of {size} bytes was changed on its way.");
    }

    private static byte[] Make(int size)
    {
        byte[] bytes = new byte[size];
        for (int i = 0; i < size; i++)
        {
            bytes[i] = (byte)(i % Period);
        }

        return bytes;
    }
}
