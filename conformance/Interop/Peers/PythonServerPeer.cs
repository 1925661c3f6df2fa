using System.Globalization;
using MiniGrpc.Conformance.Interop.Programs;
using MiniGrpc.Conformance.Interop.PythonPrograms;

namespace MiniGrpc.Conformance.Interop.Peers;

/// <summary>gRPC's C core, by way of Python: the conformance service in a process of its own, at the peer's default settings.</summary>
internal sealed class PythonServerPeer : IServerPeer
{
    public string Name => "Python";

    // The C core decodes the field's value as one piece of base64.
    public bool RefusesJoinedBinaryMetadata => true;

    // "Exception calling application: ..." is what it answers.
    public bool TellsTextOfExceptions => true;

    public async Task<IRunningServer> StartAsync(ServerSetup setup)
    {
        PeerProcess process = await PythonRuntime.StartAsync(
            "conformance_server.py", setup.Transport == Transport.Tls ? [PemFolder.ServerCertificate, PemFolder.ServerKey] : []);
        int port = int.Parse(await process.ReadLineAsync(), CultureInfo.InvariantCulture);
        return new RunningServer(process, ServerAddress.OnPort(setup.Transport, port));
    }

    public override string ToString() => Name;

    private sealed class RunningServer(PeerProcess process, ServerAddress address) : IRunningServer
    {
        public ServerAddress Address => address;

        public ValueTask DisposeAsync() => process.DisposeAsync();
    }
}
