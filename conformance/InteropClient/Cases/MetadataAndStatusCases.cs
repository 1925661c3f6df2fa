using Grpc.Core;
using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>What travels beside the messages.</summary>
internal static class MetadataAndStatusCases
{
    private const string Initial = "x-grpc-test-echo-initial";
    private const string Trailing = "x-grpc-test-echo-trailing-bin";
    private const string InitialValue = "test_initial_metadata_value";
    private const string Token = "Bearer test_token";
    private static readonly byte[] s_trailingValue = [0xab, 0xab, 0xab];

    public static async Task CustomMetadataAsync(InteropRun run)
    {
        using (AsyncUnaryCall<SimpleResponse> call = run.Client.UnaryCallAsync(Messages.Large(), Echoed()))
        {
            await call.ResponseAsync.WaitAsync(InteropRun.Patience);
            ExpectEchoed(await call.ResponseHeadersAsync.WaitAsync(InteropRun.Patience), call.GetTrailers());
        }

        using AsyncDuplexStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse> duplex = run.Client.FullDuplexCall(Echoed());
        await duplex.RequestStream.WriteAsync(Messages.Output(Messages.LargeResponse, Messages.LargeRequest));
        await Expect.NextAsync(duplex.ResponseStream, "the response");
        await duplex.RequestStream.CompleteAsync();
        await Expect.NothingMoreAsync(duplex.ResponseStream);
        ExpectEchoed(await duplex.ResponseHeadersAsync.WaitAsync(InteropRun.Patience), duplex.GetTrailers());
    }

    /// <summary>
    /// Credentials of a call go with that call alone. The official case has a server of Google's tell whose token it was; here the token
    /// comes back in the header that every server of the suite echoes.
    /// </summary>
    public static async Task PerRpcCredsAsync(InteropRun run)
    {
        var credentials = CallCredentials.FromInterceptor((_, metadata) =>
        {
            metadata.Add("authorization", Token);
            metadata.Add(Initial, Token);
            return Task.CompletedTask;
        });
        Expect.Equal(Token, await EchoedInitialAsync(run, new CallOptions(credentials: credentials)), $"{Initial} of a call with credentials");
        Expect.Equal(null, await EchoedInitialAsync(run, default), $"{Initial} of a call without");
    }

    public static Task StatusCodeAndMessageAsync(InteropRun run) => ExpectStatusAsync(run, "test status message", unaryOnly: false);

    /// <summary>White space, control characters, and characters of all planes survive the way.</summary>
    public static Task SpecialStatusMessageAsync(InteropRun run) =>
        ExpectStatusAsync(run, "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP \U0001F608\t\n", unaryOnly: true);

    public static Task UnimplementedMethodAsync(InteropRun run) =>
        Expect.FailsAsync(run.Client.UnimplementedCallAsync(new Empty()).ResponseAsync, StatusCode.Unimplemented);

    public static Task UnimplementedServiceAsync(InteropRun run) => Expect.FailsAsync(
        new UnimplementedService.UnimplementedServiceClient(run.Channel.Plain).UnimplementedCallAsync(new Empty()).ResponseAsync, StatusCode.Unimplemented);

    private static async Task ExpectStatusAsync(InteropRun run, string message, bool unaryOnly)
    {
        var asked = new EchoStatus { Code = (int)StatusCode.Unknown, Message = message };
        Status status = await Expect.FailsAsync(run.Client.UnaryCallAsync(new SimpleRequest { ResponseStatus = asked }).ResponseAsync, StatusCode.Unknown);
        Expect.Equal(message, status.Detail, "the message of the status");
        if (unaryOnly)
        {
            return;
        }

        using AsyncDuplexStreamingCall<StreamingOutputCallRequest, StreamingOutputCallResponse> duplex = run.Client.FullDuplexCall();
        await duplex.RequestStream.WriteAsync(new StreamingOutputCallRequest { ResponseStatus = asked });
        status = await Expect.FailsAsync(duplex.ResponseStream.MoveNext(CancellationToken.None), StatusCode.Unknown);
        Expect.Equal(message, status.Detail, "the message of the status of a streaming call");
    }

    private static async Task<string?> EchoedInitialAsync(InteropRun run, CallOptions options)
    {
        using AsyncUnaryCall<SimpleResponse> call = run.Client.UnaryCallAsync(Messages.Large(), options);
        await call.ResponseAsync.WaitAsync(InteropRun.Patience);
        return (await call.ResponseHeadersAsync.WaitAsync(InteropRun.Patience)).GetValue(Initial);
    }

    private static Metadata Echoed() => new() { { Initial, InitialValue }, { Trailing, s_trailingValue } };

    private static void ExpectEchoed(Metadata headers, Metadata trailers)
    {
        Expect.Equal(InitialValue, headers.GetValue(Initial), $"{Initial} in the headers");
        byte[] trailing = trailers.GetValueBytes(Trailing) ?? throw new InteropException($"{Trailing} is not in the trailers.");
        Expect.True(trailing.AsSpan().SequenceEqual(s_trailingValue), $"{Trailing} in the trailers is {Convert.ToHexString(trailing)}.");
    }
}
