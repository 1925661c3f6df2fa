using System.IO.Compression;
using System.Text;
using MiniGrpc.Wire;
using MiniGrpc.Wire.Grpc;

namespace MiniGrpc.Conformance.Wire.GrpcProtocol;

/// <summary>compression.md, the agreement: <see cref="CompressionSet"/>.</summary>
public class CompressionSetTests
{
    private static readonly GzipCompressionProvider s_gzip = new(CompressionLevel.Fastest);
    private static readonly DeflateCompressionProvider s_deflate = new(CompressionLevel.Fastest);
    private static readonly CompressionSet s_both = new([s_gzip, s_deflate]);

    [Fact]
    [Requirement("grpc-compression-2")]
    public void All_names_are_announced_in_the_order_given()
    {
        Assert.Equal("identity", Encoding.ASCII.GetString(CompressionSet.Empty.AcceptEncoding.Span));
        Assert.Equal("identity,gzip,deflate", Encoding.ASCII.GetString(s_both.AcceptEncoding.Span));
        Assert.Equal("identity,deflate,gzip", Encoding.ASCII.GetString(new CompressionSet([s_deflate, s_gzip]).AcceptEncoding.Span));
    }

    [Fact]
    public void A_provider_is_found_by_its_name_in_any_case()
    {
        Assert.Same(s_gzip, s_both.Find("gzip"u8));
        Assert.Same(s_deflate, s_both.Find("deflate"u8));
        Assert.Same(s_gzip, s_both.Find("GZip"u8));
        Assert.Null(s_both.Find("gzi"u8));
        Assert.Null(s_both.Find("gzip2"u8));
        Assert.Null(s_both.Find("snappy"u8));
        Assert.Null(s_both.Find("identity"u8));
        Assert.Null(s_both.Find(""u8));
        Assert.Null(CompressionSet.Empty.Find("gzip"u8));
    }

    [Theory]
    [InlineData("identity", true)]
    [InlineData("Identity", true)]
    [InlineData("", true)]
    [InlineData("gzip", false)]
    public void Identity_and_nothing_mean_no_compression(string encoding, bool expected) =>
        Assert.Equal(expected, CompressionSet.IsIdentity(Encoding.ASCII.GetBytes(encoding)));

    [Theory]
    [InlineData("identity,gzip,deflate", true)]
    [InlineData("gzip", true)]
    [InlineData("identity, GZIP", true)]
    [InlineData("gzip2,xgzip", false)]
    [InlineData("identity", false)]
    [InlineData("", false)]
    [Requirement("grpc-compression-6")]
    public void A_peer_accepts_what_it_lists(string acceptEncoding, bool expected) =>
        Assert.Equal(expected, CompressionSet.IsAccepted(Encoding.ASCII.GetBytes(acceptEncoding), "gzip"));

    [Theory]
    [InlineData(true, GrpcStatusCode.Unimplemented)]
    [InlineData(false, GrpcStatusCode.Internal)]
    [Requirement("grpc-compression-11")]
    [Requirement("grpc-compression-12")]
    public void An_unsupported_compression_is_named_together_with_the_supported_ones(bool onServer, object expected)
    {
        // compression.md, test cases 4 and 5: UNIMPLEMENTED from a server, INTERNAL on a client, with both in the description.
        GrpcError error = s_both.Unsupported("snappy"u8, onServer);

        Assert.Equal(expected, error.Code);
        Assert.Contains("'snappy'", error.Detail, StringComparison.Ordinal);
        Assert.Contains("identity,gzip,deflate", error.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public void A_hostile_encoding_name_is_quoted_in_part_and_as_ASCII()
    {
        byte[] name = new byte[10_000];
        name.AsSpan().Fill(0xff);
        string detail = s_both.Unsupported(name, onServer: true).Detail;

        Assert.InRange(detail.Length, 1, 200);
        Assert.Contains("????…'", detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("identity")]
    [InlineData("IDENTITY")]
    [InlineData("a,b")]
    [InlineData("a b")]
    [InlineData("a\r\nb")]
    [InlineData("ä")]
    public void A_name_that_can_not_be_agreed_on_is_refused(string name) =>
        Assert.Throws<ArgumentException>(() => new CompressionSet([new Named(name)]));

    [Fact]
    public void A_name_that_stands_twice_is_refused() =>
        Assert.Throws<ArgumentException>(() => new CompressionSet([s_gzip, s_deflate, new Named("GZIP")]));

    private sealed class Named(string name) : ICompressionProvider
    {
        public string EncodingName => name;

        public Stream CreateCompressionStream(Stream stream, CompressionLevel? compressionLevel) => throw new NotSupportedException();

        public Stream CreateDecompressionStream(Stream stream) => throw new NotSupportedException();
    }
}
