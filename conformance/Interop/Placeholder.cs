namespace MiniGrpc.Conformance.Interop;
