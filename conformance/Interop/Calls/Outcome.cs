using Grpc.Core;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Protos;
using Status = Grpc.Core.Status;

namespace MiniGrpc.Conformance.Interop.Calls;

/// <summary>How a call ended, as its client sees it.</summary>
/// <param name="Status">What the call says.</param>
/// <param name="Thrown">What the exception says that ended the last read, if one did.</param>
/// <param name="Responses">What came before the end.</param>
/// <param name="Trailers">The trailing metadata.</param>
internal sealed record Outcome(Status Status, Status? Thrown, IReadOnlyList<Response> Responses, Metadata Trailers)
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

    /// <summary>Call and exception agree. Failures show the whole status, whose detail tells more than its code.</summary>
    public void AssertEndedWith(StatusCode code)
    {
        Assert.True(code == Code, $"The call was to end with {code} and ended with {Status}.");
        Assert.Equal(code == StatusCode.OK ? null : Status, Thrown);
    }

    public void AssertEndedWith(Status status)
    {
        AssertEndedWith(status.StatusCode);
        Assert.Equal(status.Detail, Status.Detail);
    }

    /// <summary>The client itself ended the call while it was waiting for a response.</summary>
    public void AssertEndedByClientWith(StatusCode code, IClientPeer client)
    {
        Assert.True(code == Code, $"The call was to end with {code} and ended with {Status}.");
        Assert.NotNull(Thrown);
        Assert.Contains(Thrown.Value.StatusCode, client.OtherCodesOfReadsEndedByClient.Prepend(code));
    }
}
