using System.Text;
using MiniGrpc.Client.Balancing.HealthChecking;

namespace MiniGrpc.Conformance.Wire.Balancing;

/// <summary>The two messages of health.proto (gRPC Health Checking Protocol) as Protocol Buffers encodes them.</summary>
public class HealthMessagesTests
{
    [Theory]
    [InlineData("", "")]
    [InlineData("a", "0A0161")]
    [InlineData("é", "0A02C3A9")]
    public void A_request_has_the_name_in_field_1(string service, string expected) => Assert.Equal(expected, Convert.ToHexString(HealthMessages.EncodeRequest(service)));

    /// <summary>A length of 128 takes two octets, one of 16,384 three.</summary>
    [Theory]
    [InlineData(127, "7F")]
    [InlineData(128, "8001")]
    [InlineData(300, "AC02")]
    [InlineData(16_384, "808001")]
    public void A_length_is_a_varint(int length, string expected)
    {
        byte[] message = HealthMessages.EncodeRequest(new string('x', length));
        Assert.Equal("0A" + expected, Convert.ToHexString(message[..^length]));
        Assert.Equal(new string('x', length), Encoding.UTF8.GetString(message[^length..]));
    }

    [Theory]
    [InlineData("", "UNKNOWN")]
    [InlineData("0800", "UNKNOWN")]
    [InlineData("0801", "SERVING")]
    [InlineData("0802", "NOT_SERVING")]
    [InlineData("0803", "SERVICE_UNKNOWN")]
    [InlineData("0804", "4")]
    [InlineData("088001", "128")]
    [InlineData("08FFFFFFFFFFFFFFFFFF01", "-1")]
    [InlineData("08020801", "SERVING")] // the last one counts
    [InlineData("0A02080208011000", "SERVING")] // field 1 with another wire type is another field
    [InlineData("10FF01 0801", "SERVING")]
    [InlineData("19 0102030405060708 0801", "SERVING")]
    [InlineData("0801 22 03 010203", "SERVING")] // a field that ends with the message
    [InlineData("22 03 010203 0801", "SERVING")]
    [InlineData("2D 01020304 0801", "SERVING")]
    [InlineData("F8FFFFFF0F 00 0801", "SERVING")] // the highest field number, 2^29 - 1
    public void A_response_has_the_status_in_field_1_and_may_have_others(string message, string status)
    {
        HealthReport report = HealthMessages.DecodeResponse(Convert.FromHexString(message.Replace(" ", "", StringComparison.Ordinal)));
        Assert.Equal(status, report.ToString());
        Assert.Equal(status == "SERVING", report.IsServing);
    }

    [Theory]
    [InlineData("08", "in the middle of a number")]
    [InlineData("0880", "in the middle of a number")]
    [InlineData("80", "in the middle of a number")]
    [InlineData("08FFFFFFFFFFFFFFFFFFFF01", "more than ten octets")]
    [InlineData("1A", "in the middle of a number")]
    [InlineData("1A0201", "in the middle of a field")]
    [InlineData("1AFFFFFFFFFFFFFFFFFF0100", "in the middle of a field")]
    [InlineData("1901020304050607", "in the middle of a field")]
    [InlineData("1D010203", "in the middle of a field")]
    [InlineData("1B", "wire type 3")]
    [InlineData("1C", "wire type 4")]
    [InlineData("1E", "wire type 6")]
    [InlineData("1F", "wire type 7")]
    [InlineData("00", "the number 0")]
    [InlineData("0200", "the number 0")]
    [InlineData("8080808010 00", "the number 536870912")]
    public void What_is_no_message_is_refused(string message, string why)
    {
        FormatException e = Assert.Throws<FormatException>(
            () => HealthMessages.DecodeResponse(Convert.FromHexString(message.Replace(" ", "", StringComparison.Ordinal))));
        Assert.Contains(why, e.Message, StringComparison.Ordinal);
    }
}
