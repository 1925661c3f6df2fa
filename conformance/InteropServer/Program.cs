using System.CommandLine;
using MiniGrpc.Conformance.InteropServer;

return await InteropServerCommand.RunAsync(args, new InvocationConfiguration());
