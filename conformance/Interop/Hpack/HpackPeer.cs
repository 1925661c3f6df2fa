using System.Diagnostics;
using System.Text.Json;
using MiniGrpc.Conformance.Interop.Programs;

namespace MiniGrpc.Conformance.Interop.Hpack;

/// <summary>
/// HPACK by others: python3-hpack, and nghttp2's library, which Python calls. Where they are missing the tests are skipped; in
/// CI (environment variable <c>CI=true</c>) they fail.
/// </summary>
internal static class HpackPeer
{
    private const string Interpreter = "/usr/bin/python3";
    private const string Missing =
        $"{Interpreter} with python3-hpack and the library of nghttp2 are needed: apt-get install python3-hpack libnghttp2-14";

    private static readonly Lazy<Task<bool>> s_isThere = new(IsThereAsync);

    /// <summary>Encodes header blocks one after the other.</summary>
    public static async Task<byte[][]> EncodeAsync(HpackCodec codec, IEnumerable<Step> steps)
    {
        var input = steps.Select(step => new { sizes = step.Sizes, fields = step.Fields.Select(ToJson) });
        string[] blocks = JsonSerializer.Deserialize<string[]>(await RunAsync(codec, "encode", JsonSerializer.Serialize(input)))!;
        return [.. blocks.Select(Convert.FromHexString)];
    }

    /// <summary>Decodes header blocks one after the other; a block that is refused is null, and the last.</summary>
    public static async Task<Field[]?[]> DecodeAsync(HpackCodec codec, IEnumerable<(uint[] Sizes, byte[] Block)> steps)
    {
        var input = steps.Select(step => new { sizes = step.Sizes, block = Convert.ToHexStringLower(step.Block) });
        JsonElement[][]?[] blocks = JsonSerializer.Deserialize<JsonElement[][]?[]>(await RunAsync(codec, "decode", JsonSerializer.Serialize(input)))!;
        return [.. blocks.Select(block => block?.Select(FromJson).ToArray())];
    }

    /// <summary>Whether each block is accepted by a new decoder.</summary>
    public static async Task<bool[]> JudgeAsync(HpackCodec codec, IEnumerable<byte[]> blocks) =>
        JsonSerializer.Deserialize<bool[]>(await RunAsync(codec, "judge", JsonSerializer.Serialize(blocks.Select(block => Convert.ToHexStringLower(block)))))!;

    private static object[] ToJson(Field field) => [Convert.ToHexStringLower(field.Name), Convert.ToHexStringLower(field.Value), field.NeverIndexed];

    private static Field FromJson(JsonElement[] field) =>
        new(Convert.FromHexString(field[0].GetString()!), Convert.FromHexString(field[1].GetString()!), field[2].GetBoolean());

    private static async Task<string> RunAsync(HpackCodec codec, string task, string input)
    {
        if (!await s_isThere.Value)
        {
            Assert.SkipUnless(Environment.GetEnvironmentVariable("CI") == "true", Missing);
            Assert.Fail(Missing);
        }

        string program = Path.Combine(AppContext.BaseDirectory, "python", "hpack_peer.py");
        string name = codec == HpackCodec.Python ? "python" : "nghttp2";
        await using PeerProcess process = new(new ProcessStartInfo(Interpreter, [program, name, task]));
        Task<string> output = process.OutputAsync();
        await process.WriteAllAsync(input);
        return await output;
    }

    private static async Task<bool> IsThereAsync()
    {
        if (!File.Exists(Interpreter))
        {
            return false;
        }

        await using PeerProcess check = new(new ProcessStartInfo(Interpreter, ["-c", "import ctypes, hpack; ctypes.CDLL('libnghttp2.so.14')"]));
        return await check.ExitAsync() == 0;
    }
}

/// <summary>Whose HPACK.</summary>
public enum HpackCodec
{
    /// <summary>python3-hpack.</summary>
    Python,

    /// <summary>libnghttp2.</summary>
    Nghttp2,
}

/// <summary>One field.</summary>
internal sealed record Field(byte[] Name, byte[] Value, bool NeverIndexed)
{
    /// <summary>The field as text, for assertions to compare.</summary>
    public override string ToString() =>
        $"{System.Text.Encoding.Latin1.GetString(Name)}={System.Text.Encoding.Latin1.GetString(Value)}{(NeverIndexed ? " (never indexed)" : "")}";
}

/// <summary>The values that SETTINGS_HEADER_TABLE_SIZE takes, and the block that follows.</summary>
internal sealed record Step(uint[] Sizes, Field[] Fields);
