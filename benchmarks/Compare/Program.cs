using System.CommandLine;
using MiniGrpc.Benchmarks.Compare;

RootCommand root = CompareCommand.Create();
root.Subcommands.Add(RoleCommands.Server());
root.Subcommands.Add(RoleCommands.Client());

// Signals end a process at once: the orchestrator's children see their input end, and end too.
return await root.Parse(args).InvokeAsync(new InvocationConfiguration { ProcessTerminationTimeout = null });
