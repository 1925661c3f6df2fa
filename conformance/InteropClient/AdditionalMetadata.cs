using System.CommandLine.Parsing;
using System.Text;
using Grpc.Core;

namespace MiniGrpc.Conformance.InteropClient;

/// <summary>Reads <c>--additional_metadata</c>: <c>name:value</c>, several joined by semicolons.</summary>
internal static class AdditionalMetadata
{
    /// <summary>
    /// Reads what stands on the command line. The value of a name that ends in <c>-bin</c> is the octets of its text, as in the official clients
    /// in Go and C++; the one in Java takes no such names.
    /// </summary>
    public static Metadata Parse(ArgumentResult result)
    {
        var metadata = new Metadata();
        foreach (string entry in result.Tokens.SelectMany(token => token.Value.Split(';', StringSplitOptions.RemoveEmptyEntries)))
        {
            try
            {
                Add(metadata, entry);
            }
            catch (Exception e) when (e is ArgumentException or FormatException)
            {
                result.AddError($"'{entry}' is no metadata: {e.Message}");
                break;
            }
        }

        return metadata;
    }

    private static void Add(Metadata metadata, string entry)
    {
        int colon = entry.IndexOf(':', StringComparison.Ordinal);
        if (colon <= 0)
        {
            throw new FormatException("write name:value.");
        }

        string name = entry[..colon];
        string value = entry[(colon + 1)..];
        if (name.EndsWith(Metadata.BinaryHeaderSuffix, StringComparison.OrdinalIgnoreCase))
        {
            metadata.Add(name, Encoding.UTF8.GetBytes(value));
        }
        else if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            throw new FormatException("text values are visible ASCII and space.");
        }
        else
        {
            metadata.Add(name, value);
        }
    }
}
