using System.Text;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>gRPC over HTTP/2, Content-Type: <see cref="ContentType"/>.</summary>
public class ContentTypeTests
{
    [Theory]
    [InlineData("application/grpc")]
    [InlineData("application/grpc+proto")]
    [InlineData("application/grpc+json")]
    [InlineData("application/grpc+")]
    [InlineData("application/grpc;charset=utf-8")]
    [InlineData("application/grpc; charset=utf-8")]
    [InlineData("application/grpc \t; charset=utf-8")]
    [InlineData("application/grpc+proto; charset=utf-8")]
    [InlineData("application/grpc;")]
    [InlineData("Application/gRPC")]
    [InlineData("APPLICATION/GRPC+PROTO")]
    [Requirement("grpc-requests-10")]
    public void GRPC_with_any_format_and_parameters_is_accepted(string value) => Assert.True(IsGrpc(value));

    [Theory]
    [InlineData("")]
    [InlineData("application/json")]
    [InlineData("application/grpc-web")]
    [InlineData("application/grpc-web+proto")]
    [InlineData("application/grpc-web-text")]
    [InlineData("application/grpcx")]
    [InlineData("application/grpc/proto")]
    [InlineData("application/grpc proto")]
    [InlineData(" application/grpc")]
    [InlineData("text/html")]
    [InlineData("xapplication/grpc")]
    [Requirement("grpc-requests-11")]
    public void Another_content_type_is_not_gRPC(string value) => Assert.False(IsGrpc(value));

    [Fact]
    public void A_truncated_content_type_is_not_gRPC()
    {
        for (int length = 0; length < ContentType.Default.Length; length++)
        {
            Assert.False(ContentType.IsGrpc(ContentType.Default[..length]));
        }

        Assert.Equal("application/grpc"u8, ContentType.Default);
    }

    private static bool IsGrpc(string value) => ContentType.IsGrpc(Encoding.ASCII.GetBytes(value));
}
