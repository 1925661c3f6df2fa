using System.Net;
using MiniGrpc.Client;
using MiniGrpc.Conformance.Wire.Tls;
using MiniGrpc.Server;
using MiniGrpc.Wire.Transport;
using Xunit.v3;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>
/// A class of tests whose connections run over TLS: derived from one whose connections don't, it repeats its tests. Every rule about
/// connections and streams holds over TLS as it does over plaintext. What comes to a port with the wrong protocol is another matter, and
/// has tests of its own in Tls/.
/// </summary>
public interface IOverTls;

/// <summary>What makes the test servers, channels and raw peers of an <see cref="IOverTls"/> class speak TLS.</summary>
internal static class OverTls
{
    /// <summary>Whether the test that runs is one over TLS.</summary>
    public static bool IsOn => TestContext.Current.TestClass is IXunitTestClass { Class: { } type } && type.IsAssignableTo(typeof(IOverTls));

    /// <summary>What requests say (RFC 9113 section 8.3.1).</summary>
    public static string Scheme => IsOn ? "https" : "http";

    public static ClientTls Client { get; } = new() { Roots = TestCertificates.Roots };

    private static ServerTls Server { get; } = new(TestCertificates.Server);

    public static (ITransport Client, ITransport Server) Wrap((ITransport Client, ITransport Server) pair) =>
        (WrapClient(pair.Client), WrapServer(pair.Server));

    public static ITransport WrapClient(ITransport transport) => IsOn ? ((ITransportSecurity)Client).Secure(transport, "localhost") : transport;

    public static ITransport WrapServer(ITransport transport) => IsOn ? ((ITransportSecurity)Server).Secure(transport) : transport;

    public static void Listen(GrpcServer server, EndPoint endPoint)
    {
        if (IsOn)
        {
            server.Listen(endPoint, Server);
        }
        else
        {
            server.Listen(endPoint);
        }
    }
}
