using Grpc.Core;

namespace MiniGrpc.Samples;

/// <summary>What all samples do alike, so that each of them shows what it is about.</summary>
internal static class Sample
{
    /// <summary>Where the servers listen, and where the clients look for them, unless the command line says otherwise.</summary>
    public const string Address = "http://127.0.0.1:50051";

    /// <summary>Runs a program; what can go wrong becomes one line on stderr, and the exit code 1.</summary>
    public static async Task<int> RunAsync(Func<Task> program)
    {
        try
        {
            await program();
            return 0;
        }
        catch (RpcException e)
        {
            Console.Error.WriteLine($"The call failed with {e.StatusCode}: {e.Status.Detail}");
        }
        catch (Exception e) when (e is ArgumentException or IOException or TimeoutException)
        {
            Console.Error.WriteLine(e.Message);
        }

        return 1;
    }
}
