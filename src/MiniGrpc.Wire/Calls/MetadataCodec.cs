using System.Buffers;
using System.Text;

using Grpc.Core;

using Microsoft.Extensions.Logging.Abstractions;

using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// Metadata as header fields and back (gRPC over HTTP/2, Custom-Metadata): names are lower case, text values ASCII, values
/// of names that end in <c>-bin</c> any octets as base64.
/// </summary>
internal static class MetadataCodec
{
    /// <summary>The trailer with the details of an error, which the program sets.</summary>
    private const string StatusDetails = "grpc-status-details-bin";

    /// <summary>What a metadata name may consist of. HTTP allows more (<c>x+y</c>); the Metadata class doesn't.</summary>
    private static readonly SearchValues<byte> s_nameOctets = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789._-"u8);

    /// <summary>Checks that all entries can be sent.</summary>
    /// <exception cref="ArgumentException">A value or a name can't be sent; the message names its key.</exception>
    public static void Validate(Metadata metadata)
    {
        foreach (Metadata.Entry entry in metadata)
        {
            if (!IsReserved(entry.Key) && !entry.IsBinary)
            {
                GetText(entry);
            }
        }
    }

    /// <summary>Whether a text entry can be sent as it is.</summary>
    public static bool CanBeSent(string name, string value) =>
        name.Length > 0 && Ascii.IsValid(name) && !Encoding.ASCII.GetBytes(name).AsSpan().ContainsAnyExcept(s_nameOctets)
        && !name.EndsWith("-bin", StringComparison.Ordinal) && !IsReserved(name) && !value.AsSpan().ContainsAnyExceptInRange(' ', '~');

    /// <summary>Adds all entries to a list of fields.</summary>
    /// <exception cref="ArgumentException">A value can't be sent; the message names its key.</exception>
    public static void Encode(Metadata metadata, HeaderList fields) => Encode(metadata, fields, except: null);

    /// <summary>Adds trailers; what they say of an error (gRPC over HTTP/2, Status-Details) only if there is one.</summary>
    /// <exception cref="ArgumentException">A value can't be sent; the message names its key.</exception>
    public static void EncodeTrailers(Metadata trailers, bool statusIsOk, HeaderList fields) =>
        Encode(trailers, fields, except: statusIsOk ? StatusDetails : null);

    /// <summary>Adds what call credentials say: whatever its names are, it goes into no table.</summary>
    /// <exception cref="ArgumentException">A value can't be sent; the message names its key.</exception>
    public static void EncodeSecrets(Metadata metadata, HeaderList fields)
    {
        foreach (Metadata.Entry entry in metadata)
        {
            if (!IsReserved(entry.Key))
            {
                Encode(entry, fields, Indexing.Never);
            }
        }
    }

    /// <summary>Reads the custom fields of a list; what belongs to the protocol, and what Metadata can't hold, is left out.</summary>
    public static Metadata Decode(HeaderList fields, Http2Connection? source = null) => Decode(fields.GetEnumerator(), source);

    /// <summary>Reads what <see cref="CopyCustom"/> has kept; null for nothing.</summary>
    public static Metadata Decode(byte[]? fields, Http2Connection? source) => fields is null ? [] : Decode(new HeaderList.Enumerator(fields), source);

    /// <summary>
    /// Keeps a list that has custom fields for as long as somebody may ask for them: octets, exactly as many as there are,
    /// from which metadata is made when asked for.
    /// </summary>
    public static byte[] CopyCustom(HeaderList fields)
    {
        foreach (HeaderField field in fields)
        {
            if (IsCustom(field.Name))
            {
                return fields.ToArray();
            }
        }

        return [];
    }

    private static Metadata Decode(HeaderList.Enumerator fields, Http2Connection? source)
    {
        var metadata = new Metadata();
        while (fields.MoveNext())
        {
            HeaderField field = fields.Current;
            if (!IsCustom(field.Name))
            {
                continue;
            }

            if (field.Name.ContainsAnyExcept(s_nameOctets))
            {
                WireMetrics.FieldSkipped(source?.Options.Logger ?? NullLogger.Instance);
                source?.Causes.Note(0, nameof(WireMetrics.FieldSkipped), "a field was left out of the metadata, which can't hold its name");
                continue;
            }

            string name = Encoding.ASCII.GetString(field.Name);
            if (!BinaryHeader.IsBinary(field.Name))
            {
                // What is more than ASCII-Value may be thrown away, and has to be: the user could not send it back.
                if (!field.Value.ContainsAnyExceptInRange((byte)' ', (byte)'~'))
                {
                    AddText(metadata, name, Encoding.ASCII.GetString(field.Value));
                }

                continue;
            }

            foreach (ReadOnlySpan<byte> part in BinaryHeader.Split(field.Value))
            {
                if (BinaryHeader.TryDecode(part, out byte[] value))
                {
                    metadata.Add(name, value);
                }
            }
        }

        return metadata;
    }

    /// <summary>Cookies may come in several fields, to compress better, and are one to whoever reads them (RFC 9113 section 8.2.3).</summary>
    private static void AddText(Metadata metadata, string name, string value)
    {
        if (name == "cookie" && metadata.Get(name) is { } cookie)
        {
            metadata[metadata.IndexOf(cookie)] = new Metadata.Entry(name, $"{cookie.Value}; {value}");
        }
        else
        {
            metadata.Add(name, value);
        }
    }

    /// <summary>Whether a field is for the user rather than for the protocol.</summary>
    public static bool IsCustom(ReadOnlySpan<byte> name) => name[0] switch
    {
        (byte)':' => false,
        (byte)'c' => !name.SequenceEqual("content-type"u8) && !name.SequenceEqual("content-length"u8),
        (byte)'t' => !name.SequenceEqual("te"u8),
        (byte)'g' => !name.StartsWith("grpc-"u8) || !IsReservedGrpc(name["grpc-".Length..]),
        _ => true,
    };

    /// <summary>What is wrong with a list whose binary fields aren't all base64; null for nothing.</summary>
    public static GrpcError? Check(HeaderList fields)
    {
        foreach (HeaderField field in fields)
        {
            if (!IsValid(field.Name, field.Value))
            {
                return NotBase64(field.Name);
            }
        }

        return null;
    }

    /// <summary>The status of a call with a binary field that isn't base64.</summary>
    public static GrpcError NotBase64(ReadOnlySpan<byte> name) =>
        new(GrpcStatusCode.Internal, $"The metadata value of {GrpcError.Quote(name)} is not base64.");

    /// <summary>Whether a binary field holds base64; others do always.</summary>
    public static bool IsValid(ReadOnlySpan<byte> name, ReadOnlySpan<byte> value)
    {
        if (!BinaryHeader.IsBinary(name))
        {
            return true;
        }

        foreach (ReadOnlySpan<byte> part in BinaryHeader.Split(value))
        {
            if (!BinaryHeader.TryDecode(part, out _))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Names that the protocol sets itself: what a user puts there (by copying another call's headers, say) isn't sent.</summary>
    private static bool IsReserved(string key) => key switch
    {
        "content-type" or "content-length" or "te" or "host" => true,
        "connection" or "keep-alive" or "proxy-connection" or "transfer-encoding" or "upgrade" => true,
        _ => key.StartsWith("grpc-", StringComparison.Ordinal) && IsReservedGrpc(Encoding.ASCII.GetBytes(key, 5, key.Length - 5)),
    };

    private static bool IsReservedGrpc(ReadOnlySpan<byte> rest) =>
        rest.SequenceEqual("timeout"u8) || rest.SequenceEqual("encoding"u8) || rest.SequenceEqual("accept-encoding"u8)
        || rest.SequenceEqual("status"u8) || rest.SequenceEqual("message"u8) || rest.SequenceEqual("internal-encoding-request"u8);

    private static void Encode(Metadata metadata, HeaderList fields, string? except)
    {
        foreach (Metadata.Entry entry in metadata)
        {
            if (!IsReserved(entry.Key) && entry.Key != except)
            {
                Encode(entry, fields, IndexingOf(entry.Key));
            }
        }
    }

    private static void Encode(Metadata.Entry entry, HeaderList fields, Indexing indexing)
    {
        Span<byte> name = stackalloc byte[entry.Key.Length <= 256 ? entry.Key.Length : 0];
        if (name.IsEmpty)
        {
            name = new byte[entry.Key.Length];
        }

        Encoding.ASCII.GetBytes(entry.Key, name);
        if (entry.IsBinary)
        {
            byte[] value = entry.ValueBytes;
            BinaryHeader.Encode(value, fields.Add(name, BinaryHeader.GetEncodedLength(value.Length), indexing), out _);
            return;
        }

        ReadOnlySpan<char> text = GetText(entry);
        Encoding.ASCII.GetBytes(text, fields.Add(name, text.Length, indexing));
    }

    /// <summary>A text value as it is sent: space at the ends has no meaning and may not be there (RFC 9113 section 8.2.1).</summary>
    private static ReadOnlySpan<char> GetText(Metadata.Entry entry)
    {
        ReadOnlySpan<char> text = entry.Value.AsSpan().Trim(' ');
        int bad = text.IndexOfAnyExceptInRange(' ', '~'); // visible ASCII and space: the rest can't be told from the framing around it
        if (entry.Key.Length == 0)
        {
            throw new ArgumentException("A metadata entry without a name can't be sent."); // the Metadata class lets it through
        }

        return bad < 0 ? text : throw new ArgumentException(
            $"The metadata value of '{entry.Key}' holds the character U+{(int)text[bad]:X4}; only visible ASCII and space can be sent. Use a key that ends in '-bin' for other values.");
    }

    /// <summary>Secrets go into nobody's table (RFC 7541 section 7.1.3), and metadata is too diverse to profit from ours.</summary>
    private static Indexing IndexingOf(string key) => SecretFields.Contains(key)
        ? Indexing.Never
        : Indexing.Without;
}
