using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Tls;
using MiniGrpc.Server;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>A class of tests whose connections run over TLS: derived from one whose connections don't, it repeats its tests.</summary>
public interface IOverTls;

/// <summary>What makes the test servers, channels and raw peers of an <see cref="IOverTls"/> class speak TLS.</summary>
internal static class OverTls
{
    /// <summary>Whether the test that runs is one over TLS.</summary>
    public static bool IsOn => TestContext.Current.TestClassInstance is IOverTls;

    public static ClientTls Client { get; } = new() { Roots = TestCertificates.Roots };

    private static ServerTls Server { get; } = new(TestCertificates.Server);

    public static (ITransport Client, ITransport Server) Wrap((ITransport Client, ITransport Server) pair) => IsOn
        ? (((ITransportSecurity)Client).Secure(pair.Client, "localhost"), ((ITransportSecurity)Server).Secure(pair.Server))
        : pair;

    public static ITransport WrapServer(ITransport transport) => IsOn ? ((ITransportSecurity)Server).Secure(transport) : transport;
}
