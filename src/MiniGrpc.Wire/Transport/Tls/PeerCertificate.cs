using System.Globalization;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using MiniGrpc.Wire.Buffers;

namespace MiniGrpc.Wire.Transport.Tls;

/// <summary>
/// Judges the certificate that the peer shows in one handshake, and keeps in plain words what there was to object to.
/// </summary>
/// <remarks>Threading: used by one handshake, which tells it one thing after the other.</remarks>
internal sealed class PeerCertificate
{
    /// <summary>Characters of a sentence about a certificate, whose names its owner chose.</summary>
    private const int MostShown = 500;

    private const X509ChainStatusFlags Untrusted = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;
    private const X509ChainStatusFlags Unrevocable = X509ChainStatusFlags.RevocationStatusUnknown | X509ChainStatusFlags.OfflineRevocation;

    /// <summary>Who the peer is, in sentences: server or client.</summary>
    public required string Peer { get; init; }

    /// <summary>Whether a peer that shows none is turned away.</summary>
    public required bool IsRequired { get; init; }

    /// <summary>The name that the certificate has to be for; null where none is asked for.</summary>
    public string? ExpectedName { get; init; }

    /// <summary>The user's own judgement, which counts instead of ours.</summary>
    public RemoteCertificateValidationCallback? Override { get; init; }

    /// <summary>Why the certificate was refused; null if it was not.</summary>
    public string? Objection { get; private set; }

    /// <summary>
    /// How the chain is to be built: up to one of <paramref name="roots"/>, or of the system's if there are none. Certificates
    /// that are missing in between are not fetched from addresses that the peer names, except by a client that trusts
    /// what the system trusts, where the system decides.
    /// </summary>
    public static X509ChainPolicy? ChainPolicy(X509Certificate2Collection? roots, X509RevocationMode revocation, bool mayDownload)
    {
        if (roots is null && mayDownload)
        {
            return null;
        }

        var policy = new X509ChainPolicy { RevocationMode = revocation, DisableCertificateDownloads = true };
        if (roots is not null)
        {
            policy.TrustMode = X509ChainTrustMode.CustomRootTrust;
            policy.CustomTrustStore.AddRange(roots);
        }

        return policy;
    }

    /// <summary>Is what <see cref="SslStream"/> asks.</summary>
    public bool Judge(object sender, X509Certificate? certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        if (certificate is null && !IsRequired)
        {
            return true;
        }

        if (Override is not null)
        {
            Objection = Override(sender, certificate, chain, errors) ? null : $"the {Peer}'s certificate was refused by the program's own check";
        }
        else if (errors != SslPolicyErrors.None)
        {
            Objection = certificate is null
                ? $"the {Peer} showed no certificate, which is required here"
                : PrintableText.Escape($"the {Peer}'s certificate '{certificate.Subject}' {Object((X509Certificate2)certificate, chain, errors)}", MostShown);
        }

        return Objection is null;
    }

    private string Object(X509Certificate2 certificate, X509Chain? chain, SslPolicyErrors errors)
    {
        X509ChainStatusFlags flags = X509ChainStatusFlags.NoError;
        foreach (X509ChainStatus status in chain?.ChainStatus ?? [])
        {
            flags |= status.Status;
        }

        if (flags.HasFlag(X509ChainStatusFlags.NotTimeValid))
        {
            return ObjectToTime(certificate);
        }

        if ((flags & Untrusted) != 0)
        {
            return "is not trusted: it leads to no authority that is trusted here";
        }

        if (flags.HasFlag(X509ChainStatusFlags.Revoked))
        {
            return "was revoked";
        }

        if ((flags & Unrevocable) != 0)
        {
            return "can't be checked for revocation";
        }

        return errors.HasFlag(SslPolicyErrors.RemoteCertificateNameMismatch)
            ? $"is for {CertificateProperties.NamesOf(certificate)}, not for '{ExpectedName}'"
            : $"is not valid: {flags}";
    }

    private static string ObjectToTime(X509Certificate2 certificate)
    {
        DateTime now = DateTime.UtcNow; // the system's clock, since it is the system that has judged
        DateTime until = certificate.NotAfter.ToUniversalTime();
        DateTime from = certificate.NotBefore.ToUniversalTime();
        return until < now ? string.Create(CultureInfo.InvariantCulture, $"has expired: it was valid until {until:yyyy-MM-dd HH:mm} UTC")
            : from > now ? string.Create(CultureInfo.InvariantCulture, $"is not valid yet: it will be from {from:yyyy-MM-dd HH:mm} UTC on")
            : "was issued by an authority whose own certificate is not valid at this time";
    }
}
