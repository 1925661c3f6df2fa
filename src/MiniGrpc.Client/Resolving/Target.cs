using System.Net;
using System.Net.Sockets;

using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Balancing;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Client.Resolving;

/// <summary>What a channel was made for (gRPC's "name syntax" document): which resolver finds its addresses, and what servers are told that they are.</summary>
internal sealed class Target
{
    private const string Expected = "expected http://host:port, https://host:port, unix:/path, dns:///host:port, ipv4:address:port,… or ipv6:[address]:port,…";

    /// <summary>Of <c>ipv4:</c> and <c>ipv6:</c>, with TLS or without: the document says so. What <c>dns:</c> has goes by the scheme that it stands for.</summary>
    private const int DefaultPort = 443;

    private readonly Func<MiniChannelOptions, ILogger, Action<Action>, Resolver> _createResolver;

    private Target(string text, string authority, bool? tls, Func<MiniChannelOptions, ILogger, Action<Action>, Resolver> createResolver)
    {
        Text = text;
        Authority = authority;
        Tls = tls;
        _createResolver = createResolver;
    }

    /// <summary>As it was written.</summary>
    public string Text { get; }

    /// <summary>What <c>:authority</c> says.</summary>
    public string Authority { get; }

    /// <summary>The name that servers' certificates have to be for: the authority without a port.</summary>
    public string? Host => Addresses.HostOf(Authority);

    /// <summary>Whether its resolver is the user's, and may find a service config with the addresses.</summary>
    public bool MayBringConfig { get; private init; }

    /// <summary>What the target says of TLS, if anything.</summary>
    private bool? Tls { get; }

    /// <summary>A single end point.</summary>
    public static Target Of(EndPoint endPoint)
    {
        string authority = endPoint switch
        {
            IPEndPoint ip => Addresses.AuthorityOf(ip),
            DnsEndPoint dns => $"{dns.Host}:{dns.Port}",
            _ => "localhost", // a path is no authority (RFC 3986 section 3.2); servers expect a host
        };
        return new Target(Addresses.Format(endPoint), authority, null, ResolverFor(endPoint));
    }

    /// <summary>Reads what a user wrote.</summary>
    /// <exception cref="ArgumentException">It can't be understood, or it and the options differ about TLS; the message says why.</exception>
    public static Target Parse(string address, MiniChannelOptions options)
    {
        ArgumentException.ThrowIfNullOrWhiteSpace(address);
        Target target = Read(address, options);
        if (target.Tls == true && options.Tls is null)
        {
            throw new ArgumentException($"'{address}': for TLS set MiniChannelOptions.Tls to a new ClientTls(), or write http:// for plaintext", nameof(address));
        }

        if (target.Tls == false && options.Tls is not null)
        {
            throw new ArgumentException($"'{address}': http:// is plaintext, but MiniChannelOptions.Tls is set; write https://, or leave Tls null", nameof(address));
        }

        return target;
    }

    /// <summary>Makes the resolver that the target names; <paramref name="post"/> runs work where its members are called.</summary>
    public Resolver CreateResolver(MiniChannelOptions options, ILogger logger, Action<Action> post) => _createResolver(options, logger, post);

    private static Target Read(string address, MiniChannelOptions options)
    {
        int colon = address.IndexOf(':', StringComparison.Ordinal);
        string scheme = colon < 0 ? "" : address[..colon].ToLowerInvariant();
        if (options.ResolverFactories.FirstOrDefault(one => one.Scheme == scheme) is { } factory)
        {
            return ReadCustom(address, factory);
        }

        switch (scheme)
        {
            case "ipv4" or "ipv6":
                return ReadAddresses(address, scheme, address[(colon + 1)..]);
            case "dns":
                return ReadDns(address, address[(colon + 1)..], options.Tls is null ? 80 : 443);
            case "http" or "https" or "unix":
                EndPoint endPoint = Addresses.ParseConnect(address, out string authority, out bool? tls);
                return new Target(address, authority, tls, ResolverFor(endPoint));
            default:
                string others = options.ResolverFactories.Count == 0 ? "" : ", or a scheme of ResolverFactories: " + string.Join(", ", options.ResolverFactories.Select(one => one.Scheme));
                throw new ArgumentException($"'{address}' is no address: {Expected}{others}{Addresses.DidYouMean(address)}", nameof(address));
        }
    }

    private static Target ReadCustom(string address, ResolverFactory factory)
    {
        if (!Uri.TryCreate(address, UriKind.Absolute, out Uri? uri))
        {
            throw new ArgumentException($"'{address}' is no URI: expected {factory.Scheme}:///name", nameof(address));
        }

        string name = uri.AbsolutePath.TrimStart('/');
        return new Target(address, name.Length == 0 ? "localhost" : name, null, (options, logger, post) =>
            new GuardedResolver(() => factory.Create(new ResolverOptions(uri, options, logger)), address, options, logger, post))
        {
            MayBringConfig = true,
        };
    }

    /// <summary><c>dns:host</c>, <c>dns:host:port</c>, <c>dns:///host:port</c>.</summary>
    private static Target ReadDns(string address, string rest, int defaultPort)
    {
        if (rest.StartsWith("//", StringComparison.Ordinal))
        {
            if (!rest.StartsWith("///", StringComparison.Ordinal))
            {
                throw new ArgumentException($"'{address}': a DNS server can't be chosen, the system's are asked; expected dns:///host:port", nameof(address));
            }

            rest = rest[3..];
        }

        if (!Uri.TryCreate("dns://" + rest, UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0 || uri.PathAndQuery is not ("" or "/") || uri.Port == 0 || uri.UserInfo.Length > 0)
        {
            throw new ArgumentException($"'{address}' is no address: expected dns:///host:port", nameof(address));
        }

        int port = uri.Port < 0 ? defaultPort : uri.Port;
        EndPoint endPoint = Addresses.TryParseIp(uri.DnsSafeHost, out IPEndPoint? ip) ? new IPEndPoint(ip.Address, port) : new DnsEndPoint(uri.DnsSafeHost, port);
        return new Target(address, uri.Authority, null, ResolverFor(endPoint));
    }

    /// <summary>Several addresses, separated by commas; calls have the first one's name.</summary>
    private static Target ReadAddresses(string address, string scheme, string list)
    {
        List<BalancerAddress> addresses = [.. list.Split(',', StringSplitOptions.TrimEntries).Select(one => new BalancerAddress(
            (scheme == "ipv4" ? ReadIpv4(one) : ReadIpv6(one)) ?? throw new ArgumentException(
                $"'{address}': '{one}' is no {scheme} address to connect to; expected {(scheme == "ipv4" ? "ipv4:192.0.2.1:50051" : "ipv6:[2001:db8::1]:50051")}, more of them after commas; the port is {DefaultPort} if it is left out",
                nameof(address))))];
        return new Target(address, Addresses.AuthorityOf((IPEndPoint)addresses[0].EndPoint), null, (_, _, _) => new StaticResolver(addresses));
    }

    /// <summary>Four numbers, with a port or without. The framework takes fewer (50051 would be 0.0.195.131), which is a port without an address.</summary>
    private static IPEndPoint? ReadIpv4(string text) =>
        text.AsSpan().Count('.') == 3 && Addresses.TryParseIp(text, out IPEndPoint? ip) && ip.AddressFamily == AddressFamily.InterNetwork
            ? WithPort(ip, text.Contains(':', StringComparison.Ordinal))
            : null;

    /// <summary>An address in brackets with a port or without, or just an address: behind it nothing would tell a port from its last group.</summary>
    private static IPEndPoint? ReadIpv6(string text) => Addresses.TryParseIp(text, out IPEndPoint? ip) && ip.AddressFamily == AddressFamily.InterNetworkV6
        ? WithPort(ip, Uri.UnescapeDataString(text).Contains("]:", StringComparison.Ordinal))
        : null;

    private static IPEndPoint? WithPort(IPEndPoint ip, bool hasPort) => (hasPort, ip.Port) switch
    {
        (true, 0) => null, // can be listened on, not connected to
        (true, _) => ip,
        _ => new IPEndPoint(ip.Address, DefaultPort),
    };

    private static Func<MiniChannelOptions, ILogger, Action<Action>, Resolver> ResolverFor(EndPoint endPoint) => endPoint is DnsEndPoint dns
        ? (options, logger, _) => options.Connect is null ? new DnsResolver(dns, options, logger) : new StaticResolver([new BalancerAddress(endPoint)])
        : (_, _, _) => new StaticResolver([new BalancerAddress(endPoint)]);
}
