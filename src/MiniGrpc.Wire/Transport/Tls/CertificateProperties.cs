using System.Formats.Asn1;
using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>What a certificate says about its holder, by the names that gRPC has for it in an AuthContext.</summary>
internal static class CertificateProperties
{
    /// <summary>The certificate's common name, of which there may be none.</summary>
    public const string CommonName = "x509_common_name";

    /// <summary>Each of its alternative names: host names, addresses, URIs.</summary>
    public const string AlternativeName = "x509_subject_alternative_name";

    private const string CommonNameOid = "2.5.4.3";
    private const string AlternativeNameOid = "2.5.29.17";

    /// <summary>The properties of a connection over TLS whose peer has shown <paramref name="certificate"/>, or none.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Of(X509Certificate2? certificate)
    {
        List<KeyValuePair<string, string>> properties = [new("transport_security_type", "ssl")];
        if (certificate is null)
        {
            return properties;
        }

        foreach (X500RelativeDistinguishedName name in certificate.SubjectName.EnumerateRelativeDistinguishedNames())
        {
            if (!name.HasMultipleElements && name.GetSingleElementType().Value == CommonNameOid && name.GetSingleElementValue() is { } value)
            {
                properties.Add(new(CommonName, value));
            }
        }

        properties.AddRange(AlternativeNames(certificate).Select(name => KeyValuePair.Create(AlternativeName, name)));
        properties.Add(new("x509_pem_cert", certificate.ExportCertificatePem()));
        return properties;
    }

    /// <summary>The names that a certificate is for, for a sentence.</summary>
    public static string NamesOf(X509Certificate2 certificate)
    {
        string[] names = [.. AlternativeNames(certificate)];
        return names.Length == 0 ? "no name" : string.Join(", ", names.Select(name => $"'{name}'"));
    }

    /// <summary>
    /// Those kinds of alternative name that are text, and addresses (RFC 5280 section 4.2.1.6); what the framework's own
    /// reader leaves out are the URIs, which say who a service is.
    /// </summary>
    private static List<string> AlternativeNames(X509Certificate2 certificate)
    {
        List<string> result = [];
        if (certificate.Extensions[AlternativeNameOid] is not { } extension)
        {
            return result;
        }

        try
        {
            AsnReader names = new AsnReader(extension.RawData, AsnEncodingRules.DER).ReadSequence();
            while (names.HasData)
            {
                if (ReadName(names) is { } name)
                {
                    result.Add(name);
                }
            }
        }
        catch (AsnContentException)
        {
            // Not what the standard says; whoever vouches for such a certificate vouches for the names up to here.
        }

        return result;
    }

    private static string? ReadName(AsnReader names)
    {
        Asn1Tag tag = names.PeekTag();
        switch (tag.TagValue)
        {
            case 1: // rfc822Name
            case 2: // dNSName
            case 6: // uniformResourceIdentifier
                return names.ReadCharacterString(UniversalTagNumber.IA5String, tag);
            case 7: // iPAddress
                byte[] octets = names.ReadOctetString(tag);
                return octets.Length is 4 or 16 ? new IPAddress(octets).ToString() : null;
            default:
                names.ReadEncodedValue();
                return null;
        }
    }
}
