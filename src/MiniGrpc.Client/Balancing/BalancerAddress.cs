using System.Collections.ObjectModel;
using System.Net;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Client.Balancing;

/// <summary>An address that a resolver has found and a load-balancing policy may connect to. Two of the same end point are equal.</summary>
/// <param name="endPoint">An <see cref="IPEndPoint"/>, a Unix socket, a <see cref="MemoryEndPoint"/>, or a host name that is looked up at each connection.</param>
public sealed class BalancerAddress(EndPoint endPoint) : IEquatable<BalancerAddress>
{
    /// <summary>Where to connect to.</summary>
    public EndPoint EndPoint { get; } = endPoint ?? throw new ArgumentNullException(nameof(endPoint));

    /// <summary>What a resolver has to tell a policy of this address, weights for example. Default empty.</summary>
    public IReadOnlyDictionary<string, object> Attributes { get; init; } = ReadOnlyDictionary<string, object>.Empty;

    /// <inheritdoc />
    public bool Equals(BalancerAddress? other) => other is not null && EndPoint.Equals(other.EndPoint);

    /// <inheritdoc />
    public override bool Equals(object? obj) => Equals(obj as BalancerAddress);

    /// <inheritdoc />
    public override int GetHashCode() => EndPoint.GetHashCode();

    /// <summary><c>ipv4:127.0.0.1:50051</c>, for example.</summary>
    public override string ToString() => Addresses.Format(EndPoint);
}
