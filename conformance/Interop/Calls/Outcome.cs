using Grpc.Core;
using MiniGrpc.Conformance.Protos;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop.Calls;

/// <summary>How a call ended, as its client sees it.</summary>
/// <param name="Status">The status, be it from the exception or from the call.</param>
/// <param name="Responses">What came before the end.</param>
/// <param name="Trailers">The trailing metadata.</param>
internal sealed record Outcome(Status Status, IReadOnlyList<Response> Responses, Metadata Trailers)
{
    public StatusCode Code => Status.StatusCode;

    /// <summary>The response of a call that ended well with exactly one.</summary>
    public Response SingleResponse
    {
        get
        {
            AssertEndedWith(StatusCode.OK);
            return Assert.Single(Responses);
        }
    }

    /// <summary>Fails with the detail of the status, which tells more than its code.</summary>
    public void AssertEndedWith(StatusCode code) => Assert.True(code == Code, $"The call was to end with {code} and ended with {Status}.");
}
