using MiniGrpc.Conformance.Fuzz;

return await FuzzCommand.Create().Parse(args).InvokeAsync();
