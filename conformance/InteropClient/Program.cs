using MiniGrpc.Conformance.InteropClient;

return await InteropClientCommand.Create().Parse(args).InvokeAsync();
