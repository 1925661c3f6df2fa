using Grpc.Core;

namespace MiniGrpc.Client.Configuration;

/// <summary>Some of the status codes, one bit each.</summary>
internal readonly struct StatusCodeSet
{
    private readonly uint _bits;

    /// <summary>The set of <paramref name="codes"/>, which are 0 to 16.</summary>
    public StatusCodeSet(IEnumerable<StatusCode> codes)
    {
        foreach (StatusCode code in codes)
        {
            _bits |= 1u << (int)code;
        }
    }

    /// <summary>Whether <paramref name="code"/> is one of them. A server may send any number; what is no code is in no set.</summary>
    public bool Contains(StatusCode code) => (uint)code < 32 && (_bits & (1u << (int)code)) != 0;
}
