using MiniGrpc.Samples.Protos.Greeter;

namespace MiniGrpc.Samples.LoadBalancing;

/// <summary>One call after the other, and who answered.</summary>
internal sealed class Calls(Greeter.GreeterClient client)
{
    private static readonly TimeSpan s_pause = TimeSpan.FromMilliseconds(60);
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(30); // far more than it takes, for a busy machine

    /// <summary>How many there have been.</summary>
    public int Count { get; private set; }

    /// <summary>
    /// Calls until each server has answered once. The channel connects to all of them at the same time, and until the last one is there the
    /// calls go to those that are.
    /// </summary>
    public async Task WarmUpAsync()
    {
        var connected = new HashSet<string>();
        DateTime deadline = DateTime.UtcNow + s_limit;
        while (connected.Count < 3)
        {
            HelloReply reply = await client.SayHelloAsync(new HelloRequest { Name = "Ada" }, deadline: deadline);
            connected.Add(reply.Message);
        }
    }

    /// <summary>Calls until each server has answered as often as <paramref name="isEnough"/> wants, counted from now on.</summary>
    public async Task MakeUntilAsync(Predicate<IReadOnlyDictionary<string, int>> isEnough)
    {
        var answers = new Dictionary<string, int> { ["A"] = 0, ["B"] = 0, ["C"] = 0 };
        DateTime deadline = DateTime.UtcNow + s_limit;
        while (!isEnough(answers))
        {
            if (DateTime.UtcNow > deadline)
            {
                throw new TimeoutException($"After {s_limit.TotalSeconds} seconds {string.Join(", ", answers.Select(one => $"{one.Key} has answered {one.Value} times"))}");
            }

            HelloReply reply = await client.SayHelloAsync(new HelloRequest { Name = "Ada" }, deadline: deadline);
            Count++;
            answers[reply.Message]++;
            Console.WriteLine($"  call {Count,2}: answered by {reply.Message}");
            await Task.Delay(s_pause);
        }
    }
}
