using System.CommandLine;
using MiniGrpc.Conformance.InteropClient;

return await InteropClientCommand.RunAsync(args, new InvocationConfiguration());
