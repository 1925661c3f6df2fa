namespace MiniGrpc.Conformance.Interop.Calls;

/// <summary>The four kinds of call.</summary>
public enum Kind
{
    Unary,
    ServerStreaming,
    ClientStreaming,
    Bidi,
}

internal static class KindExtensions
{
    extension(Kind kind)
    {
        public bool StreamsRequests => kind is Kind.ClientStreaming or Kind.Bidi;

        public bool StreamsResponses => kind is Kind.ServerStreaming or Kind.Bidi;
    }
}
