using MiniGrpc.Benchmarks.Compare.Control;

namespace MiniGrpc.Benchmarks.Compare.Probes;

/// <summary>The role of the process that looks at servers in other ways than by steady load.</summary>
internal static class ProbeCommand
{
    public const string Name = "probe";

    public static System.CommandLine.Command Create()
    {
        var command = new System.CommandLine.Command(Name, "Looks at servers, as the orchestrator's commands on the standard input tell.");
        command.SetAction(_ =>
        {
            // Not on a thread of the pool: reading commands blocks.
            var thread = new Thread(() => new ControlLoop(null, new Probe().Perform).Run(Name));
            thread.Start();
            thread.Join();
        });
        return command;
    }
}
