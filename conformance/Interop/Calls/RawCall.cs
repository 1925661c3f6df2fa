using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Protos;

namespace MiniGrpc.Conformance.Interop.Calls;

/// <summary>A unary call made by hand of HTTP/2 requests: no deadline, no retry, nothing that a gRPC client would add.</summary>
internal static class RawCall
{
    public static HttpRequestMessage Unary(ServerAddress address, Request request)
    {
        byte[] body = new byte[5 + request.CalculateSize()];
        BinaryPrimitives.WriteInt32BigEndian(body.AsSpan(1), body.Length - 5);
        request.WriteTo(body.AsSpan(5));
        return new HttpRequestMessage(HttpMethod.Post, $"{address.Uri}/minigrpc.conformance.TestService/Unary")
        {
            Version = HttpVersion.Version20,
            VersionPolicy = HttpVersionPolicy.RequestVersionExact,
            Content = new ByteArrayContent(body) { Headers = { ContentType = new MediaTypeHeaderValue("application/grpc") } },
            Headers = { TE = { new TransferCodingWithQualityHeaderValue("trailers") } },
        };
    }

    /// <summary>The status from the trailers, or from the headers of a Trailers-Only response.</summary>
    public static StatusCode StatusOf(HttpResponseMessage response)
    {
        bool found = response.TrailingHeaders.TryGetValues("grpc-status", out IEnumerable<string>? values)
            || response.Headers.TryGetValues("grpc-status", out values);
        Assert.True(found, "The response has no grpc-status.");
        return (StatusCode)int.Parse(values!.Single(), CultureInfo.InvariantCulture);
    }
}
