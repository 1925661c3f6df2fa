using System.Net;
using System.Net.Sockets;

namespace MiniGrpc.Client.Balancing;

/// <summary>In which order addresses are tried.</summary>
internal static class AddressOrder
{
    /// <summary>
    /// The addresses without repetitions, those of IPv6 and of IPv4 in turn, beginning with the family of the first one (gRFC A61, RFC 8305
    /// section 4): if one family leads nowhere, that costs one attempt. With <paramref name="shuffle"/> their order is left to chance before.
    /// </summary>
    public static List<BalancerAddress> Of(IReadOnlyList<BalancerAddress> addresses, Random? shuffle)
    {
        BalancerAddress[] distinct = [.. addresses.Distinct()];
        shuffle?.Shuffle(distinct);
        Queue<BalancerAddress>[] families = [.. distinct
            .GroupBy(address => address.EndPoint is IPEndPoint ip ? ip.AddressFamily : AddressFamily.Unspecified)
            .Select(family => new Queue<BalancerAddress>(family))];
        var ordered = new List<BalancerAddress>(distinct.Length);
        while (ordered.Count < distinct.Length)
        {
            foreach (Queue<BalancerAddress> family in families)
            {
                if (family.TryDequeue(out BalancerAddress? address))
                {
                    ordered.Add(address);
                }
            }
        }

        return ordered;
    }
}
