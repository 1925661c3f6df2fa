using Grpc.Core;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine.Server;

/// <content>The messages of a request: how many there may be, how long, and how marked.</content>
public partial class GrpcRequests
{
    [Theory]
    [InlineData(1, "ompressed")]
    [InlineData(2, "Compressed-Flag 2")]
    [InlineData(255, "Compressed-Flag 255")]
    [Requirement("grpc-compression-13")]
    [Requirement("grpc-messages-2")]
    [Requirement("grpc-messages-4")]
    public async Task A_compressed_flag_without_an_encoding_and_other_flags_are_internal(byte flag, string message)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, [flag, 0, 0, 0, 1, 9], endStream: true);
        AssertStatus(await client.ResponseAsync(1), StatusCode.Internal, message);
        await server.AssertQuietAsync(client);
    }

    /// <summary>gRPC over HTTP/2, Requests: any number of messages, none among them, and the end with the last or behind it.</summary>
    [Theory]
    [InlineData(0, false)]
    [InlineData(1, true)]
    [InlineData(1, false)]
    [InlineData(3, true)]
    [InlineData(3, false)]
    [Requirement("grpc-requests-1")]
    public async Task A_request_is_headers_any_number_of_messages_and_the_end(int messages, bool endsWithLast)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Collect");
        for (int i = 1; i <= messages; i++)
        {
            await client.DataAsync(1, RawClient.Message((byte)i), endStream: endsWithLast && i == messages);
        }

        if (!endsWithLast)
        {
            await client.DataAsync(1, [], endStream: true);
        }

        RawResponse response = await client.ResponseAsync(1);
        Assert.Equal("0", response.Status);
        Assert.Equal(RawClient.Message([.. Enumerable.Range(1, messages).Select(i => (byte)i)]), response.Data);
        await server.AssertQuietAsync(client);
    }

    [Theory]
    [InlineData("Unary")]
    [InlineData("Collect")]
    [Requirement("grpc-messages-1")]
    public async Task A_message_that_the_end_cuts_off_is_internal(string method)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        byte[] message = RawClient.Message(1, 2, 3);
        for (int length = 1; length < message.Length; length++)
        {
            int id = (2 * length) - 1;
            await client.RequestAsync(id, method);
            await client.DataAsync(id, message[..length], endStream: true);
            AssertStatus(await client.ResponseAsync(id), StatusCode.Internal, "middle of a message");
        }

        await server.AssertQuietAsync(client);
    }

    [Theory]
    [InlineData("Unary")]
    [InlineData("Spread")]
    public async Task A_second_request_to_a_method_that_takes_one_is_internal_even_before_the_end(string method)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, method);
        await client.DataAsync(1, [.. RawClient.Message(1), .. RawClient.Message(2)]);
        AssertStatus(await client.ResponseAsync(1), StatusCode.Internal, "more than one request");
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        await client.RequestAsync(3, method);
        await client.DataAsync(3, [.. RawClient.Message(1), .. RawClient.Message(2)], endStream: true);
        AssertStatus(await client.ResponseAsync(3), StatusCode.Internal, "more than one request");
        await server.AssertQuietAsync(client);
    }

    [Theory]
    [InlineData("Unary")]
    [InlineData("Spread")]
    public async Task No_request_to_a_method_that_takes_one_is_internal(string method)
    {
        await using var server = new TestServer();
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, method);
        await client.DataAsync(1, [], endStream: true);
        AssertStatus(await client.ResponseAsync(1), StatusCode.Internal, "no request");
        await client.HeadersAsync(3, endStream: true, RawClient.RequestFields(method));
        AssertStatus(await client.ResponseAsync(3), StatusCode.Internal, "no request");
        await server.AssertQuietAsync(client);
    }

    /// <summary>A length over the limit is refused by its prefix: nothing of the message is waited for or allocated.</summary>
    [Theory]
    [InlineData("Unary", 101u)]
    [InlineData("Collect", 101u)]
    [InlineData("Unary", uint.MaxValue)]
    [InlineData("Duplex", 0x8000_0000u)]
    public async Task A_length_over_the_limit_is_refused_before_the_message_comes(string method, uint length)
    {
        await using var server = new TestServer(options => options.MaxReceiveMessageSize = 100);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, method);
        byte[] prefix = [0, (byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length];
        await client.DataAsync(1, prefix);
        AssertStatus(await client.ResponseAsync(1), StatusCode.ResourceExhausted, "100");
        await client.ExpectResetAsync(1, ErrorCode.NoError);
        await client.RequestAsync(3, method);
        await client.DataAsync(3, RawClient.Message(new byte[100]), endStream: true);
        Assert.Equal("0", (await client.ResponseAsync(3)).Status);
        await server.AssertQuietAsync(client);
    }

    [Fact]
    public async Task A_response_over_the_servers_own_limit_is_resource_exhausted()
    {
        await using var server = new TestServer(options => options.MaxSendMessageSize = 10);
        RawClient client = await server.StartAsync();
        await client.RequestAsync(1, "Unary");
        await client.DataAsync(1, RawClient.Message(new byte[11]), endStream: true);
        AssertStatus(await client.ResponseAsync(1), StatusCode.ResourceExhausted, "10");
        await client.AssertWorksAsync(3);
        await server.AssertQuietAsync(client);
    }
}
