using System.CommandLine;
using Grpc.Core;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Load;
using MiniGrpc.Benchmarks.Compare.Peers;

namespace MiniGrpc.Benchmarks.Compare;

/// <summary>
/// The roles that the orchestrator starts. They can be started by hand, too: <c>server --kind minigrpc</c> prints its address,
/// and serves until its input ends.
/// </summary>
internal static class RoleCommands
{
    public static System.CommandLine.Command Server()
    {
        Option<string> kind = new Option<string>("--kind") { Description = "Which server.", Required = true }
            .AcceptOnlyFromAmong([.. Servers.Kinds]);
        var command = new System.CommandLine.Command("server", "Serves, and answers the orchestrator's commands on the standard input.") { kind };
        command.SetAction(async (arguments, _) =>
        {
            string chosen = arguments.GetRequiredValue(kind);
            string address = await Servers.StartAsync(chosen);
            RunOnThreadOfItsOwn(() => new ControlLoop(null).Run(chosen, address));
            return 0;
        });
        return command;
    }

    public static System.CommandLine.Command Client()
    {
        Option<string> kind = new Option<string>("--kind") { Description = "Which client.", Required = true }
            .AcceptOnlyFromAmong([.. Clients.Kinds]);
        Option<string> work = new Option<string>("--work") { Description = "What a loop does.", Required = true }
            .AcceptOnlyFromAmong([.. Work.All.Select(work => work.Name)]);
        var inFlight = new Option<int>("--in-flight") { Description = "How many loops.", DefaultValueFactory = _ => 1 };
        var payload = new Option<int>("--payload") { Description = "Bytes in a message's payload.", DefaultValueFactory = _ => 16 };
        var address = new Option<string>("--address") { Description = "The server's.", Required = true };
        var command = new System.CommandLine.Command("client", "Makes load, as the orchestrator's commands on the standard input tell.")
        {
            kind, work, inFlight, payload, address,
        };
        command.SetAction(arguments =>
        {
            string chosen = arguments.GetRequiredValue(kind);
            ChannelBase channel = Clients.Open(chosen, arguments.GetRequiredValue(address));
            Work what = Work.Find(arguments.GetRequiredValue(work));
            var load = new LoadGenerator(what, channel, arguments.GetValue(inFlight), arguments.GetValue(payload));
            RunOnThreadOfItsOwn(() => new ControlLoop(load).Run(chosen));
            return 0;
        });
        return command;
    }

    /// <summary>Reading commands blocks; a thread of the pool would be missing there.</summary>
    private static void RunOnThreadOfItsOwn(ThreadStart start)
    {
        var thread = new Thread(start);
        thread.Start();
        thread.Join();
    }
}
