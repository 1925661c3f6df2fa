using MiniGrpc.Conformance.InteropServer;

return await InteropServerCommand.Create().Parse(args).InvokeAsync();
