using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Wire.Transport;

/// <summary>Addresses as users write them and as gRPC shows them (its "name syntax" document).</summary>
internal static class Addresses
{
    /// <summary><c>ipv4:127.0.0.1:50051</c>, <c>ipv6:[::1]:50051</c>, <c>unix:/tmp/a.sock</c>.</summary>
    public static string Format(EndPoint? endPoint) => endPoint switch
    {
        IPEndPoint { Address.IsIPv4MappedToIPv6: true } mapped => $"ipv4:{mapped.Address.MapToIPv4()}:{mapped.Port}",
        IPEndPoint { AddressFamily: AddressFamily.InterNetwork } ip => $"ipv4:{ip}",
        IPEndPoint ip => $"ipv6:{ip}",
        UnixDomainSocketEndPoint unix => $"unix:{unix}",
        DnsEndPoint dns => $"dns:{dns.Host}:{dns.Port}",
        null => "unknown:",
        _ => endPoint.ToString() ?? "unknown:",
    };

    /// <summary>
    /// Reads an address to listen on: <c>http://127.0.0.1:50051</c>, <c>http://[::1]:0</c>, <c>http://localhost:50051</c>,
    /// <c>http://*:50051</c> (every interface), <c>unix:/tmp/a.sock</c>; the same with <c>https</c>. <paramref name="tls"/>
    /// says what the address says of TLS, or null if it says nothing.
    /// </summary>
    /// <exception cref="ArgumentException">The address says something else; the message says what was expected.</exception>
    public static EndPoint ParseListen(string address, out bool? tls)
    {
        tls = null;
        if (TryUnix(address, out EndPoint? unix))
        {
            return unix;
        }

        // A wildcard is not a host name that a URI may have.
        Uri uri = ParseUri(address, address.Replace("://*:", "://[::]:", StringComparison.Ordinal).Replace("://+:", "://[::]:", StringComparison.Ordinal));
        tls = IsTls(uri);
        if (TryParseIp(uri.DnsSafeHost, out IPEndPoint? ip))
        {
            return new IPEndPoint(ip.Address, uri.Port);
        }

        return uri.DnsSafeHost.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            ? new IPEndPoint(IPAddress.Loopback, uri.Port)
            : throw new ArgumentException($"'{address}': to listen, give an IP address, localhost, or * for every interface, not a host name", nameof(address));
    }

    /// <summary>Reads an address to connect to: as <see cref="ParseListen"/>, and host names. <paramref name="authority"/> is what <c>:authority</c> says, <paramref name="tls"/> what the address says of TLS, if anything.</summary>
    /// <exception cref="ArgumentException">The address says something else; the message says what was expected.</exception>
    public static EndPoint ParseConnect(string address, out string authority, out bool? tls)
    {
        tls = null;
        if (TryUnix(address, out EndPoint? unix))
        {
            authority = "localhost"; // a path is no authority (RFC 3986 section 3.2); servers expect a host
            return unix;
        }

        Uri uri = ParseUri(address, address);
        tls = IsTls(uri);
        if (uri.Port == 0)
        {
            throw new ArgumentException($"'{address}': port 0 can be listened on, not connected to", nameof(address));
        }

        authority = uri.Authority;
        return TryParseIp(uri.DnsSafeHost, out IPEndPoint? ip)
            ? new IPEndPoint(ip.Address, uri.Port)
            : new DnsEndPoint(uri.DnsSafeHost, uri.Port);
    }

    private static bool TryUnix(string address, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out EndPoint? endPoint)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(address);
        endPoint = null;
        if (!address.StartsWith("unix:", StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        string path = address["unix:".Length..];
        if (path.StartsWith("///", StringComparison.Ordinal))
        {
            path = path[2..]; // unix:///absolute/path is the same as unix:/absolute/path
        }
        else if (path.StartsWith("//", StringComparison.Ordinal))
        {
            throw new ArgumentException($"'{address}': behind unix:// stands a host, which Unix sockets don't have; expected unix:///absolute/path, unix:/absolute/path or unix:relative/path", nameof(address));
        }

        try
        {
            endPoint = new UnixDomainSocketEndPoint(path);
            return true;
        }
        catch (ArgumentOutOfRangeException e)
        {
            throw new ArgumentException($"'{address}': the path of a Unix socket has 1 to about 107 octets", nameof(address), e);
        }
    }

    /// <summary>
    /// Reads an IP address, with a port or without. A URI may have brackets, and the % before a zone of IPv6 (RFC 6874), as %5B, %5D and %25;
    /// most people don't write them so. A zone that there isn't is no address: the framework would pass over it.
    /// </summary>
    public static bool TryParseIp(string text, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out IPEndPoint? ip)
    {
        foreach (string form in (string[])[Uri.UnescapeDataString(text), text])
        {
            if (IPEndPoint.TryParse(form, out ip) && (!form.Contains('%', StringComparison.Ordinal) || ip.Address.ScopeId != 0))
            {
                return true;
            }
        }

        ip = null;
        return false;
    }

    /// <summary>
    /// An end point as an authority: without the zone of an IPv6 address, which means something on this machine alone and isn't told to
    /// others (RFC 6874 section 4).
    /// </summary>
    public static string AuthorityOf(IPEndPoint endPoint) => endPoint is { AddressFamily: AddressFamily.InterNetworkV6, Address.ScopeId: not 0 }
        ? new IPEndPoint(new IPAddress(endPoint.Address.GetAddressBytes()), endPoint.Port).ToString()
        : endPoint.ToString();

    /// <summary>The host of an authority, in the form that certificates have it: without a port, and in ASCII; null if it has none.</summary>
    public static string? HostOf(string authority) =>
        Uri.TryCreate("https://" + authority, UriKind.Absolute, out Uri? uri) && uri is { PathAndQuery: "/", UserInfo: "" } ? uri.IdnHost : null;

    private static bool IsTls(Uri uri) => uri.Scheme == Uri.UriSchemeHttps;

    private static Uri ParseUri(string address, string uriText)
    {
        const string Expected = "expected http://host:port, https://host:port or unix:/path";
        if (!Uri.TryCreate(uriText, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0)
        {
            throw new ArgumentException($"'{address}' is no address: {WhatIsWrong(address) ?? Expected}", nameof(address));
        }

        if (uri.Scheme != Uri.UriSchemeHttp && !IsTls(uri))
        {
            throw new ArgumentException($"'{address}': unknown scheme '{uri.Scheme}'; {Expected}", nameof(address));
        }

        return uri.PathAndQuery == "/" || uri.PathAndQuery.Length == 0
            ? uri
            : throw new ArgumentException($"'{address}': an address has no path; expected {uri.Scheme}://host:port", nameof(address));
    }

    /// <summary>The mistakes that are made most often, by name.</summary>
    private static string? WhatIsWrong(string address)
    {
        string port = address[(address.LastIndexOf(':') + 1)..];
        if (port.Length > 0 && port.All(char.IsAsciiDigit) && (port.Length > 5 || int.Parse(port, CultureInfo.InvariantCulture) > IPEndPoint.MaxPort))
        {
            return $"the port {port} is more than {IPEndPoint.MaxPort}";
        }

        return address.Contains("://*:", StringComparison.Ordinal) || address.Contains("://+:", StringComparison.Ordinal)
            ? "every interface (* or +) can be listened on, not connected to"
            : null;
    }

    /// <summary>The same for what has no scheme, as gRPC's targets often have none: how it would be written here; empty if that is no address either.</summary>
    public static string DidYouMean(string address)
    {
        bool isOne = !address.Contains("//", StringComparison.Ordinal)
            && Uri.TryCreate("http://" + address, UriKind.Absolute, out Uri? uri)
            && uri.PathAndQuery == "/"
            && (uri.Host == "localhost" || uri.Host.Contains('.', StringComparison.Ordinal) || uri.Host[0] == '[');
        return isOne ? $"; did you mean http://{address}?" : "";
    }
}
