using System.CommandLine;
using System.Security.Cryptography.X509Certificates;
using MiniGrpc.Benchmarks.Compare.Control;
using MiniGrpc.Benchmarks.Compare.Load;
using MiniGrpc.Benchmarks.Compare.Paths;
using MiniGrpc.Benchmarks.Compare.Peers;

namespace MiniGrpc.Benchmarks.Compare;

/// <summary>
/// The roles that the orchestrator starts. They can be started by hand, too: <c>server --kind minigrpc</c> prints its address,
/// and serves until its input ends.
/// </summary>
internal static class RoleCommands
{
    public const string PathName = "path";

    public static System.CommandLine.Command Server()
    {
        Option<string> kind = new Option<string>("--kind") { Description = "Which server.", Required = true }
            .AcceptOnlyFromAmong([.. Servers.Kinds, Servers.Socket]);
        var tls = new Option<bool>("--tls") { Description = "With a certificate of its own making." };
        var command = new System.CommandLine.Command("server", "Serves, and answers the orchestrator's commands on the standard input.") { kind, tls };
        command.SetAction(async (arguments, _) =>
        {
            string chosen = arguments.GetRequiredValue(kind);
            X509Certificate2? certificate = arguments.GetValue(tls) ? SelfSigned.Create() : null;
            string address = await Servers.StartAsync(chosen, certificate);
            RunOnThreadOfItsOwn(() => new ControlLoop(null).Run(chosen, address, certificate));
            return 0;
        });
        return command;
    }

    public static System.CommandLine.Command Client()
    {
        Option<string> kind = new Option<string>("--kind") { Description = "Which client.", Required = true }
            .AcceptOnlyFromAmong([.. Clients.Kinds, Clients.Socket, Clients.Replay]);
        Option<string> work = new Option<string>("--work") { Description = "What a loop does.", Required = true }
            .AcceptOnlyFromAmong([.. Work.All.Select(work => work.Name)]);
        var inFlight = new Option<int>("--in-flight") { Description = "How many calls at once, on all connections together.", DefaultValueFactory = _ => 1 };
        var connections = new Option<int>("--connections") { Description = "How many connections.", DefaultValueFactory = _ => 1 };
        var payload = new Option<int>("--payload") { Description = "Bytes in a message's payload.", DefaultValueFactory = _ => 16 };
        var address = new Option<string>("--address") { Description = "The server's.", Required = true };
        var trusted = new Option<string?>("--trust") { Description = "The server's certificate, in base64." };
        var command = new System.CommandLine.Command("client", "Makes load, as the orchestrator's commands on the standard input tell.")
        {
            kind, work, inFlight, connections, payload, address, trusted,
        };
        command.SetAction(arguments =>
        {
            string chosen = arguments.GetRequiredValue(kind);
            var settings = new LoadSettings
            {
                Client = chosen,
                Work = arguments.GetRequiredValue(work),
                InFlight = arguments.GetValue(inFlight),
                Connections = arguments.GetValue(connections),
                Payload = arguments.GetValue(payload),
                Address = arguments.GetRequiredValue(address),
                Trusted = arguments.GetValue(trusted) is string exported ? SelfSigned.Import(exported) : null,
            };
            RunOnThreadOfItsOwn(() => new ControlLoop(settings.CreateLoad()).Run(chosen));
            return 0;
        });
        return command;
    }

    public static System.CommandLine.Command Path()
    {
        var address = new Option<string>("--address") { Description = "Where it leads.", Required = true };
        var roundTrip = new Option<int>("--round-trip") { Description = "Milliseconds there and back.", Required = true };
        var command = new System.CommandLine.Command(PathName, "Carries octets to a server and back, as late as a long path would.") { address, roundTrip };
        command.SetAction(arguments =>
        {
            string near = LongPath.Start(arguments.GetRequiredValue(address), TimeSpan.FromMilliseconds(arguments.GetRequiredValue(roundTrip)));
            RunOnThreadOfItsOwn(() => new ControlLoop(null).Run(PathName, near));
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
