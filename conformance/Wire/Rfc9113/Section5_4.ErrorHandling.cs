using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Rfc9113;

/// <summary>RFC 9113 section 5.4: what an error says; section 7: the codes.</summary>
public class Section5_4_ErrorHandling
{
    [Fact]
    public void A_connection_error_is_one_readable_sentence()
    {
        var error = ProtocolError.Connection(ErrorCode.ProtocolError, "6.5", "a SETTINGS frame on stream 1 instead of 0");
        Assert.Equal(
            "connection error PROTOCOL_ERROR: a SETTINGS frame on stream 1 instead of 0 (RFC 9113 section 6.5)", error.ToString());
    }

    [Fact]
    public void A_stream_error_names_its_stream_once_it_is_known()
    {
        var error = ProtocolError.Stream(0, ErrorCode.StreamClosed, "5.1", "too late");
        Assert.Equal("stream error STREAM_CLOSED: too late (RFC 9113 section 5.1)", error.ToString());
        Assert.Equal("stream 7 error STREAM_CLOSED: too late (RFC 9113 section 5.1)", (error with { StreamId = 7 }).ToString());
    }

    [Theory]
    [InlineData(0x00, "NO_ERROR")]
    [InlineData(0x01, "PROTOCOL_ERROR")]
    [InlineData(0x02, "INTERNAL_ERROR")]
    [InlineData(0x03, "FLOW_CONTROL_ERROR")]
    [InlineData(0x04, "SETTINGS_TIMEOUT")]
    [InlineData(0x05, "STREAM_CLOSED")]
    [InlineData(0x06, "FRAME_SIZE_ERROR")]
    [InlineData(0x07, "REFUSED_STREAM")]
    [InlineData(0x08, "CANCEL")]
    [InlineData(0x09, "COMPRESSION_ERROR")]
    [InlineData(0x0a, "CONNECT_ERROR")]
    [InlineData(0x0b, "ENHANCE_YOUR_CALM")]
    [InlineData(0x0c, "INADEQUATE_SECURITY")]
    [InlineData(0x0d, "HTTP_1_1_REQUIRED")]
    [InlineData(0x0e, "0xe")]
    [InlineData(0xffffffff, "0xffffffff")]
    [Requirement("9113-7-1")]
    public void An_error_code_has_the_number_and_the_name_of_section_7(uint code, string name) =>
        Assert.Equal(name, ErrorCodes.Name((ErrorCode)code));
}
