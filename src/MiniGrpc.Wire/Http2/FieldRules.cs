using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Whether the fields of one message are well-formed (RFC 9113 sections 8.2 and 8.3), judged field by field as HPACK
/// decodes them.
/// </summary>
/// <remarks>
/// <para>
/// A malformed message is a stream error PROTOCOL_ERROR (section 8.1.1). Being strict here is what keeps a field with a
/// line break in it from turning into two fields, or a second :path from being seen by some and not by others, once a
/// message travels on (section 10.3).
/// </para>
/// <para>
/// The errors carry stream 0: the caller knows the stream. A mutable struct for one message; keep it in a local or a
/// field and not in a copy.
/// </para>
/// </remarks>
internal struct FieldRules
{
    /// <summary>
    /// What may stand in a field name: HTTP's tokens, of which section 8.2.1 forbids the uppercase letters. It forbids little
    /// else itself, but wants names and values held to HTTP's own definitions.
    /// </summary>
    private static readonly SearchValues<byte> s_nameOctets = SearchValues.Create("!#$%&'*+-.0123456789^_`abcdefghijklmnopqrstuvwxyz|~"u8);

    /// <summary>What may stand in a method: any token.</summary>
    private static readonly SearchValues<byte> s_methodOctets = SearchValues.Create(
        "!#$%&'*+-.0123456789^_`abcdefghijklmnopqrstuvwxyz|~ABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    /// <summary>What may stand in the scheme of a URI.</summary>
    private static readonly SearchValues<byte> s_schemeOctets = SearchValues.Create(
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-."u8);

    /// <summary>What may not stand in a field value: control characters but the tab. Some of them would end the field in HTTP/1.1.</summary>
    private static readonly SearchValues<byte> s_forbiddenInValue = SearchValues.Create(
        [0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127]);

    private readonly Kind _kind;
    private Seen _seen;
    private Authority _authority;

    /// <summary>Rules for one message of the given kind.</summary>
    public FieldRules(Kind kind) => _kind = kind;

    /// <summary>What a header block is.</summary>
    internal enum Kind : byte
    {
        /// <summary>The start of a request.</summary>
        Request,

        /// <summary>The start of a response, interim ones included.</summary>
        Response,

        /// <summary>The end of either.</summary>
        Trailers,
    }

    [Flags]
    private enum Seen : byte
    {
        Nothing = 0,
        Method = 1,
        Scheme = 2,
        Path = 4,
        Authority = 8,
        Status = 16,
        Connect = 32,
        RegularField = 64,
    }

    /// <summary>Judges the next field.</summary>
    public ProtocolError? Check(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (value.ContainsAny(s_forbiddenInValue))
        {
            return Malformed("8.2.1", name, "has a control character in its value");
        }

        if (!value.IsEmpty && (IsSpaceOrTab(value[0]) || IsSpaceOrTab(value[^1])))
        {
            return Malformed("8.2.1", name, "has a space or tab at an end of its value");
        }

        if (!name.IsEmpty && name[0] == (byte)':')
        {
            return CheckPseudoHeader(name, value);
        }

        if (name.IsEmpty || name.ContainsAnyExcept(s_nameOctets))
        {
            return Malformed("8.2.1", name, "has a name that is empty or has an octet which names may not have");
        }

        _seen |= Seen.RegularField;
        return CheckRegularField(name, value);
    }

    /// <summary>Judges the message when all of its fields have been seen: what is missing?</summary>
    public readonly ProtocolError? Complete()
    {
        const Seen Needed = Seen.Method | Seen.Scheme | Seen.Path;
        return _kind switch
        {
            Kind.Request when (_seen & Seen.Connect) != 0 => CompleteConnect(),
            Kind.Request when (_seen & Needed) != Needed =>
                Malformed("8.3.1", "a request without :method, :scheme or :path"),
            Kind.Response when (_seen & Seen.Status) == 0 => Malformed("8.3.2", "a response without :status"),
            _ => null,
        };
    }

    /// <summary>CONNECT names a host and a port and nothing else (section 8.5).</summary>
    private readonly ProtocolError? CompleteConnect() =>
        (_seen & (Seen.Authority | Seen.Scheme | Seen.Path)) == Seen.Authority
            ? null
            : Malformed("8.5", "a CONNECT request with :scheme or :path, or without :authority");

    private ProtocolError? CheckPseudoHeader(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (_kind == Kind.Trailers)
        {
            return Malformed("8.1", name, "is a pseudo-header field in trailers");
        }

        Seen field = PseudoHeader(name);
        bool isOfResponse = field == Seen.Status;
        if (field == Seen.Nothing || isOfResponse != (_kind == Kind.Response))
        {
            return Malformed("8.3", name, _kind == Kind.Response ? "has no place in a response" : "has no place in a request");
        }

        if ((_seen & Seen.RegularField) != 0)
        {
            return Malformed("8.3", name, "is a pseudo-header field behind a regular one");
        }

        if ((_seen & field) != 0)
        {
            return Malformed("8.3", name, "is there twice");
        }

        _seen |= field;
        return CheckPseudoHeaderValue(field, name, value);
    }

    private ProtocolError? CheckPseudoHeaderValue(Seen field, ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        switch (field)
        {
            case Seen.Method when value.SequenceEqual("CONNECT"u8):
                _seen |= Seen.Connect;
                return null;
            case Seen.Path when value.IsEmpty:
                return Malformed("8.3.1", name, "is empty");
            case Seen.Method when !IsMadeOf(value, s_methodOctets):
                return Malformed("8.3.1", name, "is no method");
            case Seen.Scheme when !IsMadeOf(value, s_schemeOctets):
                return Malformed("8.3.1", name, "is no scheme");
            case Seen.Authority when value.Contains((byte)'@'):
                return Malformed("8.3.1", name, "has userinfo");
            case Seen.Authority:
                _authority.Keep(value);
                return null;
            case Seen.Status when value.SequenceEqual("101"u8):
                return Malformed("8.6", name, "is 101, which HTTP/2 has no use for");
            case Seen.Status when value.Length != 3 || value.ContainsAnyExceptInRange((byte)'0', (byte)'9'):
                return Malformed("8.3.2", name, "is not three digits");
            default:
                return null;
        }
    }

    private readonly ProtocolError? CheckRegularField(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        // The length alone rules out nearly every field.
        switch (name.Length)
        {
            case 2 when name.SequenceEqual("te"u8):
                return _kind == Kind.Request && Ascii.EqualsIgnoreCase(value, "trailers"u8)
                    ? null
                    : Malformed("8.2.2", name, "is other than trailers, or not in a request");

            case 4 when name.SequenceEqual("host"u8):
                return (_seen & Seen.Authority) == 0 || _authority.Is(value)
                    ? null
                    : Malformed("8.3.1", name, "differs from :authority");

            case 7 when name.SequenceEqual("upgrade"u8):
            case 10 when name.SequenceEqual("connection"u8) || name.SequenceEqual("keep-alive"u8):
            case 16 when name.SequenceEqual("proxy-connection"u8):
            case 17 when name.SequenceEqual("transfer-encoding"u8):
                return Malformed("8.2.2", name, "is about an HTTP/1.1 connection");

            default:
                return null;
        }
    }

    private static Seen PseudoHeader(ReadOnlySpan<byte> name) => name.Length switch
    {
        5 when name.SequenceEqual(":path"u8) => Seen.Path,
        7 when name.SequenceEqual(":method"u8) => Seen.Method,
        7 when name.SequenceEqual(":scheme"u8) => Seen.Scheme,
        7 when name.SequenceEqual(":status"u8) => Seen.Status,
        10 when name.SequenceEqual(":authority"u8) => Seen.Authority,
        _ => Seen.Nothing,
    };

    private static bool IsMadeOf(ReadOnlySpan<byte> value, SearchValues<byte> octets) => !value.IsEmpty && !value.ContainsAnyExcept(octets);

    private static bool IsSpaceOrTab(byte octet) => octet is (byte)' ' or (byte)'\t';

    private static ProtocolError Malformed(string section, ReadOnlySpan<byte> name, string what) =>
        Malformed(section, $"field {PrintableText.Quote(name, 64)} {what}");

    private static ProtocolError Malformed(string section, string reason) =>
        ProtocolError.Stream(0, ErrorCode.ProtocolError, section, reason);

    /// <summary>
    /// The value of :authority, kept until a host field shows up, if one does. The octets of a decoded field are gone by
    /// then, so they are copied: into the struct, or for the rare one that is longer into an array of its own.
    /// </summary>
    private struct Authority
    {
        private Room _room;
        private byte[]? _long;
        private int _length;

        public void Keep(ReadOnlySpan<byte> value)
        {
            _length = value.Length;
            if (!value.TryCopyTo(_room))
            {
                _long = value.ToArray();
            }
        }

        public readonly bool Is(ReadOnlySpan<byte> value) =>
            value.SequenceEqual(_long ?? ((ReadOnlySpan<byte>)_room)[.._length]);

        /// <summary>64 octets take most names of hosts with their port.</summary>
        [InlineArray(64)]
        private struct Room
        {
            private byte _first;
        }
    }
}
