using System.CommandLine;
using MiniGrpc.Benchmarks.Compare;
using MiniGrpc.Benchmarks.Compare.Probes;

RootCommand root = CompareCommand.Create();
root.Subcommands.Add(RoleCommands.Server());
root.Subcommands.Add(RoleCommands.Client());
root.Subcommands.Add(RoleCommands.Path());
root.Subcommands.Add(ProbeCommand.Create());

// Signals end a process at once: the orchestrator's children see their input end, and end too.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
