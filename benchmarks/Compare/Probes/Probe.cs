using System.Globalization;
using Grpc.Core;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Load;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Client;

namespace MiniGrpc.Benchmarks.Compare.Probes;

/// <summary>
/// A client that does what single experiments need beyond steady load. Each command names the server, so that one process, once
/// it is warm, can look at many servers.
/// </summary>
internal sealed class Probe
{
    public const string FirstSettingsCommand = "first-settings";
    public const string FirstCallsCommand = "first-calls";
    public const string HoldCommand = "hold";
    public const string DownloadsCommand = "downloads";

    private readonly IdleConnections _held = new();

    /// <summary>Commands are words: the name, the server's address, and what else there is.</summary>
    public Reply Perform(string command)
    {
        string[] words = command.Split(' ');
        return words[0] switch
        {
            FirstSettingsCommand => new Reply { Moment = FirstSettings.Await(new Uri(words[1])) },
            FirstCallsCommand => new Reply { FirstCalls = CallAsync(words[1]).GetAwaiter().GetResult() },
            HoldCommand => new Reply { Held = _held.OpenAsync(new Uri(words[1]), Number(words[2])).GetAwaiter().GetResult() },
            DownloadsCommand => new Reply { Streams = DownloadAsync(words).GetAwaiter().GetResult() },
            _ => throw new ArgumentException($"There is no command '{command}'.", nameof(command)),
        };
    }

    private static async Task<FirstCalls> CallAsync(string address)
    {
        // The server may be starting: the channel is to find it within a millisecond, not within the second of its default.
        var tick = TimeSpan.FromMilliseconds(1);
        await using var channel = MiniChannel.ForAddress(address, new MiniChannelOptions { InitialReconnectBackoff = tick, MaxReconnectBackoff = tick });
        return await FirstCalls.RunAsync(channel, new CallOptions().WithWaitForReady());
    }

    /// <summary>ADDRESS CLIENT READERS STALLED MILLISECONDS</summary>
    private static async Task<StreamCounts> DownloadAsync(string[] words)
    {
        ChannelBase channel = Clients.Open(words[2], words[1]);
        try
        {
            await using var downloads = new ManyDownloads(channel, Number(words[3]), Number(words[4]));
            return await downloads.CountAsync(TimeSpan.FromMilliseconds(Number(words[5])));
        }
        finally
        {
            await channel.ShutdownAsync();
        }
    }

    private static int Number(string word) => int.Parse(word, CultureInfo.InvariantCulture);
}
