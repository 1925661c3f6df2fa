using Grpc.Core;
using MiniGrpc.Wire.Http2;
using MiniGrpc.Wire.Http2.Frames;

namespace MiniGrpc.Conformance.Wire.Engine.Client;

/// <content>The messages of a response: how many there may be, how long, and how marked.</content>
public partial class Responses
{
    [Fact]
    public Task Two_responses_to_a_call_that_takes_one_are_internal() => FailsAsync(
        StatusCode.Internal,
        "more than one response",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await server.DataAsync(id, [.. RawClient.Message(1), .. RawClient.Message(2)]);
            await server.ExpectResetAsync(id, ErrorCode.Cancel);
        });

    [Fact]
    public Task Two_responses_and_the_end_are_internal() => FailsAsync(
        StatusCode.Internal,
        "more than one response",
        (server, id) => server.SendAsync(o =>
        {
            server.Headers(o, id, endStream: false, RawServer.Headers200);
            DataFrame.Write(o, id, RawClient.Message(1), endStream: false);
            DataFrame.Write(o, id, RawClient.Message(2), endStream: false);
            server.Headers(o, id, endStream: true, s_ok);
        }));

    [Fact]
    public Task No_response_but_status_ok_is_internal() => FailsAsync(
        StatusCode.Internal,
        "no response",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await server.HeadersAsync(id, endStream: true, s_ok);
        });

    [Fact]
    [Requirement("grpc-messages-1")]
    public Task A_response_that_the_end_cuts_off_is_internal() => FailsAsync(
        StatusCode.Internal,
        "middle of a message",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await server.DataAsync(id, RawClient.Message(1, 2)[..6]);
            await server.HeadersAsync(id, endStream: true, s_ok);
        });

    /// <summary>A status that the server gave goes before what is wrong with a message.</summary>
    [Fact]
    public Task A_failure_of_the_server_is_not_hidden_by_a_message_that_is_cut_off() => FailsAsync(
        StatusCode.DataLoss,
        "lost",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await server.DataAsync(id, RawClient.Message(1, 2)[..6]);
            await server.HeadersAsync(id, endStream: true, "grpc-status=15", "grpc-message=lost");
        });

    [Fact]
    public Task A_length_over_the_limit_is_refused_before_the_message_comes() => FailsAsync(
        StatusCode.ResourceExhausted,
        "100",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, RawServer.Headers200);
            await server.DataAsync(id, [0, 0, 0, 0, 101]);
            await server.ExpectResetAsync(id, ErrorCode.Cancel);
        },
        options => options.MaxReceiveMessageSize = 100);

    [Fact]
    [Requirement("grpc-compression-4")]
    public Task An_unknown_encoding_is_internal() => FailsAsync(
        StatusCode.Internal,
        "snappy",
        async (server, id) =>
        {
            await server.HeadersAsync(id, endStream: false, [.. RawServer.Headers200, "grpc-encoding=snappy"]);
            await server.ExpectResetAsync(id, ErrorCode.Cancel);
        });

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [Requirement("grpc-compression-13")]
    [Requirement("grpc-messages-2")]
    [Requirement("grpc-messages-4")]
    public Task A_compressed_flag_without_an_encoding_and_other_flags_are_internal(byte flag) => FailsAsync(
        StatusCode.Internal,
        "ompress",
        (server, id) => server.SendAsync(o =>
        {
            server.Headers(o, id, endStream: false, RawServer.Headers200);
            DataFrame.Write(o, id, [flag, 0, 0, 0, 1, 9], endStream: false);
            server.Headers(o, id, endStream: true, s_ok);
        }));
}
