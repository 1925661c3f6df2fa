using System.Numerics;
using System.Text;
using System.Text.RegularExpressions;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>
/// The small parsers of field values, each against the plainest thing that does the same: a regular expression, the
/// framework's base64, a split. An input is an octet that names the parser, then what it is given.
/// </summary>
internal sealed partial class ParsersTarget : PureTarget
{
    private static readonly (byte[] Example, Action<byte[], Features> Check)[] s_parsers =
    [
        ("100m"u8.ToArray(), CheckTimeout),
        ("a%20b%E2%98%BA"u8.ToArray(), CheckPercentEncoding),
        ("AAECAw"u8.ToArray(), CheckBinaryHeader),
        ("application/grpc+proto; a=b"u8.ToArray(), CheckContentType),
        ("identity, gzip ,"u8.ToArray(), CheckCommaList),
        ("14"u8.ToArray(), CheckStatus),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"u8.ToArray(), CheckPreface),
    ];

    /// <inheritdoc />
    public override string Name => "parsers";

    /// <inheritdoc />
    public override string About => "grpc-timeout, percent-encoding, base64, content-type, lists, grpc-status and prefaces: as plain code reads them.";

    /// <inheritdoc />
    public override int MaxLength => 200;

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds() => s_parsers.Select((parser, index) => (byte[])[(byte)index, .. parser.Example]);

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        if (input.Length > 0)
        {
            int parser = input[0] % s_parsers.Length;
            features.Add("parser", parser, int.Min(input.Length, 12));
            s_parsers[parser].Check(input[1..], features);
        }
    }

    private static void CheckTimeout(byte[] value, Features features)
    {
        GrpcError? error = GrpcTimeout.Parse(value, out TimeSpan timeout);
        string text = Encoding.Latin1.GetString(value);
        FuzzException.RequireEqual(TimeoutPattern().IsMatch(text), error is null, $"whether '{text}' is a timeout");
        features.Add("timeout", error is null ? value[^1] : 0, value.Length);
        if (error is null)
        {
            BigInteger nanoseconds = BigInteger.Parse(text[..^1], System.Globalization.CultureInfo.InvariantCulture) * NanosecondsIn(text[^1]);
            FuzzException.RequireEqual((nanoseconds + 99) / 100, timeout.Ticks, $"the ticks of '{text}'");
            byte[] written = new byte[GrpcTimeout.MaxLength];
            int length = GrpcTimeout.Format(timeout, written);
            FuzzException.Require(GrpcTimeout.Parse(written.AsSpan(0, length), out TimeSpan back) is null, "our own timeout is refused");
            FuzzException.Require(back >= timeout || timeout == TimeSpan.Zero, "writing a timeout made it shorter");
        }
    }

    private static BigInteger NanosecondsIn(char unit) => unit switch
    {
        'H' => 3_600_000_000_000,
        'M' => 60_000_000_000,
        'S' => 1_000_000_000,
        'm' => 1_000_000,
        'u' => 1_000,
        _ => 1,
    };

    private static void CheckPercentEncoding(byte[] value, Features features)
    {
        string decoded = PercentEncoding.Decode(value);
        string expected = EscapePattern().Replace(
            Encoding.Latin1.GetString(value), match => ((char)Convert.ToByte(match.Value[1..], 16)).ToString());
        FuzzException.RequireEqual(Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(expected)), decoded, "an unescaped text");
        byte[] encoded = PercentEncoding.Encode(decoded);
        FuzzException.RequireEqual(decoded, PercentEncoding.Decode(encoded), "a text, escaped and back");
        FuzzException.Require(!encoded.AsSpan().ContainsAnyExceptInRange((byte)' ', (byte)'~'), "an escaped text is not printable");

        // Anything that .NET calls a string, broken surrogates too.
        string any = Encoding.Unicode.GetString(value);
        FuzzException.RequireEqual(
            Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(any)), PercentEncoding.Decode(PercentEncoding.Encode(any)), "a string, escaped and back");
        features.Add("escapes", int.Min(5, value.AsSpan().Count((byte)'%')), int.Min(5, decoded.AsSpan().Count('\ufffd')));
    }

    private static void CheckBinaryHeader(byte[] value, Features features)
    {
        bool valid = BinaryHeader.TryDecode(value, out byte[] decoded);
        byte[]? expected = DecodePlainly(Encoding.Latin1.GetString(value));
        FuzzException.RequireEqual(expected is not null, valid, "whether it is base64");
        FuzzException.Require(expected is null || decoded.AsSpan().SequenceEqual(expected), "base64 means something else");
        byte[] encoded = new byte[BinaryHeader.GetEncodedLength(value.Length)];
        BinaryHeader.Encode(value, encoded, out int written);
        FuzzException.RequireEqual(encoded.Length, written, "the length of base64");
        FuzzException.RequireEqual(Convert.ToBase64String(value).TrimEnd('='), Encoding.ASCII.GetString(encoded), "base64");
        features.Add("base64", valid ? 1 : 0, value.Length % 4);
    }

    private static byte[]? DecodePlainly(string text)
    {
        if (!Base64Pattern().IsMatch(text))
        {
            return null;
        }

        string digits = text.TrimEnd('=');
        return digits.Length % 4 == 1 ? null : Convert.FromBase64String(digits.PadRight((digits.Length + 3) / 4 * 4, '='));
    }

    private static void CheckContentType(byte[] value, Features features)
    {
        bool isGrpc = ContentType.IsGrpc(value);
        FuzzException.RequireEqual(ContentTypePattern().IsMatch(Encoding.Latin1.GetString(value)), isGrpc, "whether it is gRPC");
        features.Add("content-type", isGrpc ? 1 : 0);
    }

    private static void CheckCommaList(byte[] value, Features features)
    {
        List<string> parts = [];
        foreach (ReadOnlySpan<byte> part in new CommaList(value))
        {
            parts.Add(Encoding.Latin1.GetString(part));
        }

        IEnumerable<string> expected = Encoding.Latin1.GetString(value).Split(',').Select(part => part.Trim(' ', '\t'));
        FuzzException.RequireEqual(string.Join('|', expected), string.Join('|', parts), "the parts of a list");
        features.AddCount("parts", parts.Count);
    }

    private static void CheckStatus(byte[] value, Features features)
    {
        bool valid = StatusMapping.TryParse(value, out GrpcStatusCode code);
        string text = Encoding.Latin1.GetString(value);
        FuzzException.RequireEqual(DigitsPattern().IsMatch(text), valid, $"whether '{text}' is a status");
        int expected = valid && BigInteger.Parse(text, System.Globalization.CultureInfo.InvariantCulture) is { } number && number <= 16 ? (int)number : 2;
        FuzzException.RequireEqual(expected, (int)code, $"the status of '{text}'");
        features.Add("status", (int)code, valid ? 1 : 0);
        var source = new ByteSource(value);
        uint any = source.Number();
        FuzzException.Require(Enum.IsDefined(StatusMapping.FromHttpStatus((int)any)), "an HTTP status maps to no status");
        FuzzException.Require(Enum.IsDefined(StatusMapping.FromRstStream(any)), "an error code maps to no status");
    }

    /// <summary>Whatever is judged stays judged when more octets come.</summary>
    private static void CheckPreface(byte[] value, Features features)
    {
        PrefaceVerdict client = PrefaceVerdict.NeedMore;
        PrefaceVerdict server = PrefaceVerdict.NeedMore;
        for (int length = 0; length <= value.Length; length++)
        {
            PrefaceVerdict next = ConnectionPreface.Judge(value.AsSpan(0, length));
            FuzzException.Require(client == PrefaceVerdict.NeedMore || client == next, $"a client was {client} and became {next}");
            client = next;
            next = ConnectionPreface.JudgeServer(value.AsSpan(0, length));
            FuzzException.Require(server == PrefaceVerdict.NeedMore || server == next, $"a server was {server} and became {next}");
            server = next;
        }

        FuzzException.Require(client != PrefaceVerdict.NeedMore || value.Length < ConnectionPreface.Length, "a whole preface is not enough");
        features.Add("preface", (int)client, (int)server);
    }

    [GeneratedRegex(@"\A[0-9]{1,8}[HMSmun]\z")]
    private static partial Regex TimeoutPattern();

    [GeneratedRegex("%[0-9A-Fa-f]{2}")]
    private static partial Regex EscapePattern();

    [GeneratedRegex(@"\A(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{0,4}|[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)\z")]
    private static partial Regex Base64Pattern();

    [GeneratedRegex(@"\A(?i:application/grpc)(?:\+[\s\S]*|[ \t]*|[ \t]*;[\s\S]*)\z")]
    private static partial Regex ContentTypePattern();

    [GeneratedRegex(@"\A[0-9]+\z")]
    private static partial Regex DigitsPattern();
}
