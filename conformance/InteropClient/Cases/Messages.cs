using Google.Protobuf;
using Grpc.Testing;

namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>The requests of the official cases.</summary>
internal static class Messages
{
    public const int LargeRequest = 271_828;
    public const int LargeResponse = 314_159;

    public static IReadOnlyList<int> RequestSizes { get; } = [27_182, 8, 1_828, 45_904];

    public static IReadOnlyList<int> ResponseSizes { get; } = [31_415, 9, 2_653, 58_979];

    public static SimpleRequest Large() => new() { ResponseSize = LargeResponse, Payload = Zeros(LargeRequest) };

    public static Payload Zeros(int size) => new() { Body = UnsafeByteOperations.UnsafeWrap(new byte[size]) };

    public static StreamingInputCallRequest Input(int size) => new() { Payload = Zeros(size) };

    public static StreamingOutputCallRequest Output(int size, int payload = 0) =>
        new() { ResponseParameters = { new ResponseParameters { Size = size } }, Payload = Zeros(payload) };

    public static void ExpectZeros(Payload? payload, int size, string what)
    {
        Expect.True(payload is not null, $"{what} has no payload.");
        Expect.Equal(PayloadType.Compressable, payload!.Type, $"{what}, the type of its payload");
        Expect.Equal(size, payload.Body.Length, $"{what}, its length");
        Expect.True(!payload.Body.Span.ContainsAnyExcept((byte)0), $"{what} has other bytes than zeros.");
    }
}
