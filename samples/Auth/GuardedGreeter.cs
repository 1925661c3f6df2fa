using System.Security.Cryptography;
using System.Text;

using Grpc.Core;

using MiniGrpc.Samples.Protos.Greeter;

namespace MiniGrpc.Samples.Auth;

/// <summary>Greets those who prove who they are: by a certificate, or by a token.</summary>
internal sealed class GuardedGreeter : Greeter.GreeterBase
{
    /// <summary>Grace's token, for this run. A real server has them issued, signed and out of date soon, by a service for that (JWT).</summary>
    public static string GracesToken { get; } = RandomNumberGenerator.GetHexString(32);

    public override Task<HelloReply> SayHello(HelloRequest request, ServerCallContext context) =>
        Task.FromResult(new HelloReply { Message = $"Hello {WhoIs(context)}" });

    private static string WhoIs(ServerCallContext context)
    {
        // Whoever comes with a certificate was checked before the first call, or would not have got this far.
        if (context.AuthContext.IsPeerAuthenticated)
        {
            return $"{context.AuthContext.PeerIdentity.First().Value}, known by your certificate";
        }

        // A token is metadata, which anybody may send: it is for the service to check.
        string? authorization = context.RequestHeaders.GetValue("authorization");
        if (authorization is null)
        {
            throw new RpcException(new Status(StatusCode.Unauthenticated, "show a certificate, or send a token"));
        }

        return IsSame(authorization, $"Bearer {GracesToken}")
            ? "grace, known by your token"
            : throw new RpcException(new Status(StatusCode.Unauthenticated, "nobody has this token"));
    }

    /// <summary>Takes as long for a good guess as for a bad one.</summary>
    private static bool IsSame(string one, string other) =>
        CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(one), Encoding.UTF8.GetBytes(other));
}
