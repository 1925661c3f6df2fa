using System.Globalization;
using System.Text.Json;
using Grpc.Core;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Client.Configuration;

/// <summary>
/// A value in the JSON form of a service config, and the place where it stands, so that who finds another type than is expected
/// can say where. Every <c>As…</c> throws a <see cref="FormatException"/> then.
/// </summary>
internal readonly struct ConfigValue
{
    /// <summary>How much of a value goes into a message.</summary>
    private const int LongestQuote = 60;

    private readonly JsonElement _json;
    private readonly string _place;

    /// <summary>The whole config.</summary>
    public ConfigValue(JsonElement json)
        : this(json, "")
    {
    }

    private ConfigValue(JsonElement json, string place)
    {
        _json = json;
        _place = place;
    }

    /// <summary>A field of this object; null when it isn't there or is null.</summary>
    public ConfigValue? Field(string name)
    {
        Expect(JsonValueKind.Object, "an object");
        return _json.TryGetProperty(name, out JsonElement field) && field.ValueKind != JsonValueKind.Null ? At(field, name) : null;
    }

    /// <summary>The one field of this object, and its name.</summary>
    public (string Name, ConfigValue Value) OnlyField()
    {
        Expect(JsonValueKind.Object, "an object");
        if (_json.GetPropertyCount() != 1)
        {
            throw Wrong($"expected one field, named after the policy, found {_json.GetPropertyCount()}");
        }

        JsonProperty field = _json.EnumerateObject().First();
        return (field.Name, At(field.Value, field.Name));
    }

    /// <summary>The items of the list in field <paramref name="name"/>; none when it isn't there.</summary>
    public IEnumerable<ConfigValue> List(string name) => Field(name)?.Items() ?? [];

    /// <summary>The text of this object, as it was written.</summary>
    public string AsObjectText()
    {
        Expect(JsonValueKind.Object, "an object");
        return _json.GetRawText();
    }

    /// <summary>A string.</summary>
    public string AsString()
    {
        Expect(JsonValueKind.String, "a string");
        try
        {
            return _json.GetString()!;
        }
        catch (InvalidOperationException e)
        {
            throw Wrong("has half of a surrogate pair, which is no character", e);
        }
    }

    /// <summary>true or false.</summary>
    public bool AsBoolean() => _json.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ => throw Unexpected("true or false"),
    };

    /// <summary>A number; one that is too large for a double is infinite.</summary>
    public double AsNumber() => ReadNumber() ?? throw Unexpected("a number");

    /// <summary>
    /// A number without a fraction, however it is written: 4, 4.0, 0.4e1, "4". protobuf's uint32 goes higher than an int; what is between
    /// is the highest int, for all that is counted in them has a lower limit.
    /// </summary>
    public int AsInteger()
    {
        if (ReadNumber() is double number and >= int.MinValue and <= uint.MaxValue && double.IsInteger(number))
        {
            return (int)Math.Min(number, int.MaxValue);
        }

        throw Unexpected("an integer of 32 bits");
    }

    /// <summary>google.protobuf.Duration, a string of seconds: "1.5s".</summary>
    public TimeSpan AsDuration() =>
        _json.ValueKind == JsonValueKind.String && ProtobufDuration.TryParse(AsString(), out TimeSpan duration)
            ? duration : throw Unexpected("a duration in seconds, such as \"1.5s\"");

    /// <summary>The name of a status code, in any case, or its number.</summary>
    public StatusCode AsStatusCode()
    {
        if (_json.ValueKind == JsonValueKind.Number)
        {
            return (StatusCode)AsInteger();
        }

        return _json.ValueKind == JsonValueKind.String && StatusCodeNames.TryParse(AsString(), out GrpcStatusCode code)
            ? (StatusCode)code : throw Unexpected("the name or number of a status code");
    }

    /// <summary>A number, or a string of one, which protobuf's JSON form allows for every numeric field; null if it is neither.</summary>
    private double? ReadNumber() => _json.ValueKind switch
    {
        JsonValueKind.Number => _json.GetDouble(),
        JsonValueKind.String => ParseNumber(AsString()),
        _ => null,
    };

    /// <summary>Reads what would be a number without its quotation marks: no "+4", " 4", "4.", or "NaN".</summary>
    private static double? ParseNumber(string text)
    {
        const NumberStyles Styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        string digits = text.StartsWith('-') ? text[1..] : text;
        return digits.Length > 0 && char.IsAsciiDigit(digits[0]) && char.IsAsciiDigit(digits[^1])
            && double.TryParse(text, Styles, CultureInfo.InvariantCulture, out double number) ? number : null;
    }

    private ConfigValue At(JsonElement json, string name) => new(json, _place.Length == 0 ? name : $"{_place}.{name}");

    private List<ConfigValue> Items()
    {
        Expect(JsonValueKind.Array, "a list");
        var items = new List<ConfigValue>();
        foreach (JsonElement item in _json.EnumerateArray())
        {
            items.Add(new ConfigValue(item, $"{_place}[{items.Count}]"));
        }

        return items;
    }

    private void Expect(JsonValueKind kind, string what)
    {
        if (_json.ValueKind != kind)
        {
            throw Unexpected(what);
        }
    }

    private FormatException Unexpected(string expected)
    {
        string found = _json.ValueKind switch
        {
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "a list",
            _ when _json.GetRawText() is { Length: > LongestQuote } text => $"{text[..LongestQuote]}…",
            _ => _json.GetRawText(),
        };
        return Wrong($"expected {expected}, found {found}");
    }

    private FormatException Wrong(string what, Exception? inner = null) => new($"{(_place.Length == 0 ? "the service config" : _place)}: {what}", inner);
}
