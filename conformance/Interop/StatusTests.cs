using System.Globalization;
using Google.Protobuf;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.Interop.Service;
using MiniGrpc.Conformance.Protos;
using Status = MiniGrpc.Conformance.Protos.Status;

namespace MiniGrpc.Conformance.Interop;

/// <summary>How a call ends: code, message and trailers as the handler gave them, with and without headers and messages before.</summary>
public sealed class StatusTests
{
    /// <summary>All that percent-encoding has to carry: tab, CR LF, percent signs, BMP and non-BMP characters.</summary>
    private const string Message = "\t100 %, %41 and %zz\r\nis BMP \u263a and non-BMP \U0001f608\t\r\n";

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Every_code_arrives_with_its_message(Pair pair, Kind kind, StatusCode code)
    {
        await using Session session = await pair.ConnectAsync();

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, EndWith(code));

        outcome.AssertEndedWith(new Grpc.Core.Status(code, Message));
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_status_without_a_message_is_a_status(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        Request request = new() { Answer = new Answer(), Then = Then.End, Status = new Status { Code = (int)StatusCode.NotFound } };

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, request);

        outcome.AssertEndedWith(new Grpc.Core.Status(StatusCode.NotFound, ""));
    }

    // gRPC over HTTP/2, Responses: Trailers-Only is permitted for calls that produce an immediate error.
    [Theory, Matrix(AcrossProcesses = true)]
    public async Task Trailers_arrive_in_a_block_of_their_own_and_in_trailers_only(Pair pair, Kind kind, Headers headers)
    {
        await using Session session = await pair.ConnectAsync();
        Metadata metadata = new() { { "echo-text", "value" }, { "echo-data-bin", [0xab, 0xab, 0xab] } };
        Request request = EndWith(StatusCode.Aborted);
        request.Headers = headers;

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, new CallOptions(metadata), request);

        outcome.AssertEndedWith(new Grpc.Core.Status(StatusCode.Aborted, Message));
        Assert.Equal("value", outcome.Trailers.GetValue("echo-text"));
        Assert.Equal([0xab, 0xab, 0xab], outcome.Trailers.GetValueBytes("echo-data-bin"));
        Assert.Equal("yes", outcome.Trailers.GetValue(ServedCall.ThrownTrailerName));
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_stream_delivers_what_came_before_its_error(Pair pair, bool withPayload)
    {
        foreach (Kind kind in new[] { Kind.ServerStreaming, Kind.Bidi })
        {
            await using Session session = await pair.ConnectAsync();
            Request request = EndWith(StatusCode.DataLoss);
            request.Answer = new Answer { Count = 3, Size = withPayload ? 100 : 0 };

            Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, request);

            outcome.AssertEndedWith(new Grpc.Core.Status(StatusCode.DataLoss, Message));
            Assert.Equal(3, outcome.Responses.Count);
        }
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_handler_that_throws_ends_the_call_with_UNKNOWN_and_keeps_the_text_to_itself(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        Request request = new() { Then = Then.Throw, Answer = new Answer(), Payload = ByteString.CopyFromUtf8("a secret of the server") };

        Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, request);

        outcome.AssertEndedWith(StatusCode.Unknown);
        Assert.SkipWhen(pair.Server.TellsTextOfExceptions, $"{pair.Server.Name} tells the client the exception's text.");
        Assert.DoesNotContain("secret", outcome.Status.Detail, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(outcome.Trailers, entry => !entry.IsBinary && entry.Value.Contains("secret", StringComparison.Ordinal));
    }

    [Theory, Matrix(AcrossProcesses = true)]
    public async Task A_failed_call_leaves_the_connection_as_it_was(Pair pair, Kind kind)
    {
        await using Session session = await pair.ConnectAsync();
        Response before = await session.Client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();

        for (int n = 0; n < 200; n++)
        {
            Request request = EndWith(StatusCode.FailedPrecondition);
            request.Status.Message = n.ToString(CultureInfo.InvariantCulture);
            Outcome outcome = await AnyCall.RunAsync(session.Client, kind, default, request);
            Assert.Equal(request.Status.Message, outcome.Status.Detail);
        }

        Response after = await session.Client.UnaryAsync(new Request()).ResponseAsync.WithinLimit();
        Assert.Equal(before.Peer, after.Peer);
    }

    private static Request EndWith(StatusCode code) => new()
    {
        Answer = new Answer(),
        Then = Then.End,
        Status = new Status { Code = (int)code, Message = Message },
    };
}
