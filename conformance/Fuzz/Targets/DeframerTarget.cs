using System.Buffers;
using System.IO.Compression;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>
/// Messages behind their prefixes, compressed or not, under a limit (gRPC over HTTP/2, Length-Prefixed-Message; gRPC
/// compression.md). An input is an octet for the limit and the compression, then the octets of a stream.
/// </summary>
internal sealed class DeframerTarget : PureTarget
{
    /// <summary>What a decompressor of the framework needs for itself, and more.</summary>
    private const long DecompressorMemory = 512 * 1024;

    private static readonly int[] s_limits = [100, 4096, 65_536, 0, 1];
    private static readonly ICompressionProvider?[] s_providers =
        [new GzipCompressionProvider(CompressionLevel.Fastest), new DeflateCompressionProvider(CompressionLevel.Fastest), null];

    /// <inheritdoc />
    public override string Name => "deframer";

    /// <inheritdoc />
    public override string About => "Messages and prefixes: one piece or many give the same, and nothing takes more memory than the limit says.";

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds()
    {
        byte[] bomb = new byte[1_000_000];
        for (byte kind = 0; kind < s_limits.Length * s_providers.Length; kind++)
        {
            ICompressionProvider? provider = s_providers[kind / s_limits.Length];
            yield return [kind, .. Message(0, "some octets"u8.ToArray()), .. Message(0, [])];
            yield return [kind, .. Message(1, Compressed(provider, "some octets, some octets"u8.ToArray())), .. Message(1, [])];
            yield return [kind, .. Message(1, Compressed(provider, bomb))];
        }
    }

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        if (input.Length == 0)
        {
            return;
        }

        int kind = input[0] % (s_limits.Length * s_providers.Length);
        int limit = s_limits[kind % s_limits.Length];
        ICompressionProvider? provider = s_providers[kind / s_limits.Length];
        byte[] octets = input[1..];
        var random = new Random(octets.Length);
        while (ReadOne(octets, limit, provider, random, features) is { } rest)
        {
            octets = rest;
        }
    }

    /// <summary>Reads a message both ways; answers with what is behind it, or null at the end.</summary>
    private static byte[]? ReadOne(byte[] octets, int limit, ICompressionProvider? provider, Random random, Features features)
    {
        var whole = new ReadOnlySequence<byte>(octets);
        ReadOnlySequence<byte> pieces = Segments.Cut(octets, random);
        MessageReadStatus status = MessageReader.TryRead(whole, limit, out MessagePrefix prefix, out ReadOnlySequence<byte> payload, out long missing, out GrpcError? error);
        MessageReadStatus statusOfPieces = MessageReader.TryRead(
            pieces, limit, out MessagePrefix prefixOfPieces, out ReadOnlySequence<byte> payloadOfPieces, out long missingOfPieces, out GrpcError? errorOfPieces);

        FuzzException.RequireEqual((status, prefix, missing, error), (statusOfPieces, prefixOfPieces, missingOfPieces, errorOfPieces), "a message in pieces");
        FuzzException.RequireEqual(ExpectedStatus(octets, limit), status, "the status");
        FuzzException.RequireEqual(status == MessageReadStatus.Error, error is not null, "whether there is an error");
        FuzzException.RequireEqual(status == MessageReadStatus.NeedMore, missing > 0, "whether more is needed");
        features.Add("message", (int)status, int.Min(2, prefix.Flag));
        features.AddCount("length", prefix.Length);
        if (status != MessageReadStatus.Message)
        {
            return null;
        }

        FuzzException.Require(payload.ToArray().AsSpan().SequenceEqual(payloadOfPieces.ToArray()), "the pieces hold another message");
        FuzzException.Require(payload.Length <= int.Max(0, limit), "a message is over the limit");
        if (prefix.IsCompressed)
        {
            Decompress(provider, payload, payloadOfPieces, limit, features);
        }

        return octets[(int)prefix.TotalLength..];
    }

    private static MessageReadStatus ExpectedStatus(byte[] octets, int limit)
    {
        if (octets.Length < 5)
        {
            return MessageReadStatus.NeedMore;
        }

        long length = ((long)octets[1] << 24) | (uint)(octets[2] << 16) | (uint)(octets[3] << 8) | octets[4];
        return octets[0] > 1 || length > limit
            ? MessageReadStatus.Error
            : octets.Length - 5 < length ? MessageReadStatus.NeedMore : MessageReadStatus.Message;
    }

    private static void Decompress(
        ICompressionProvider? provider, ReadOnlySequence<byte> payload, ReadOnlySequence<byte> pieces, int limit, Features features)
    {
        var output = new OutputBuffer();
        var outputOfPieces = new OutputBuffer();
        output.Write("before"u8);
        outputOfPieces.Write("before"u8);
        long allocated = GC.GetAllocatedBytesForCurrentThread();
        GrpcError? error = MessageCompression.Decompress(provider, payload, limit, output);
        allocated = GC.GetAllocatedBytesForCurrentThread() - allocated;
        GrpcError? errorOfPieces = MessageCompression.Decompress(provider, pieces, limit, outputOfPieces);

        FuzzException.RequireEqual(error, errorOfPieces, "the error of a compressed message in pieces");
        FuzzException.Require(output.WrittenSpan.SequenceEqual(outputOfPieces.WrittenSpan), "the pieces decompress to something else");
        FuzzException.Require(output.WrittenSpan.StartsWith("before"u8), "what stood in the buffer is gone");
        FuzzException.Require(error is null || output.Length == "before".Length, "an error left something behind");
        FuzzException.Require(output.Length - "before".Length <= limit, "a decompressed message is over the limit");
        FuzzException.Require(allocated <= (4L * limit) + DecompressorMemory, $"decompressing took {allocated} octets of memory");
        features.Add(error is null ? "decompressed" : $"not decompressed: {error.Code} {error.Detail.Length}");
        features.AddCount("octets", output.Length);
        output.Release();
        outputOfPieces.Release();
    }

    private static byte[] Compressed(ICompressionProvider? provider, byte[] message)
    {
        var output = new OutputBuffer();
        if (provider is null)
        {
            return message[..int.Min(100, message.Length)];
        }

        MessageCompression.Compress(provider, message, output);
        return output.WrittenSpan.ToArray();
    }

    private static byte[] Message(byte flag, byte[] payload)
    {
        byte[] message = new byte[MessagePrefix.Size + payload.Length];
        MessagePrefix.Write(message, compressed: false, payload.Length);
        message[0] = flag;
        payload.CopyTo(message, MessagePrefix.Size);
        return message;
    }
}
