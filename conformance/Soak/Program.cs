using MiniGrpc.Conformance.Soak;

return await SoakCommand.Create().Parse(args).InvokeAsync();
