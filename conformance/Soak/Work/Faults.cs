using MiniGrpc.Conformance.Soak.World;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Soak.Work;

/// <summary>What happens to servers, channels and connections meanwhile.</summary>
internal static class Faults
{
    /// <summary>The faults, by name.</summary>
    public static readonly (string Name, Func<Site, Random, Task> Run)[] All =
    [
        ("restart", (site, random) => site.RestartAsync(graceful: random.Next(2) == 0)),
        ("new channel", (site, _) => site.RecreateChannelAsync()),
        ("cut", (site, _) =>
        {
            site.Cut();
            return Task.CompletedTask;
        }),
        ("stranger", StrangerAsync),
    ];

    /// <summary>Says something that isn't HTTP/2, or begins like it, and goes: with a word of farewell, or without.</summary>
    private static async Task StrangerAsync(Site site, Random random)
    {
        await using ITransport transport = await site.ConnectAsync();
        byte[] noise = new byte[random.Next(200)];
        random.NextBytes(noise);
        byte[] words = random.Next(4) switch
        {
            0 => noise,
            1 => ConnectionPreface.Octets[..random.Next(ConnectionPreface.Length)].ToArray(),
            2 => [.. ConnectionPreface.Octets, .. noise],
            _ => "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(),
        };
        await transport.Output.WriteAsync(words);
        if (random.Next(2) == 0)
        {
            await Task.Delay(random.Next(5));
        }

        if (random.Next(2) == 0)
        {
            transport.Abort();
        }
    }
}
