namespace MiniGrpc.Conformance.InteropClient.Cases;

/// <summary>One of the official interoperability cases.</summary>
internal sealed record InteropCase(string Name, Func<InteropRun, Task> RunAsync)
{
    /// <summary>The cases with a server that behaves.</summary>
    public static IReadOnlyList<InteropCase> All { get; } =
    [
        new("empty_unary", PlainCases.EmptyUnaryAsync),
        new("cacheable_unary", PlainCases.CacheableUnaryAsync),
        new("large_unary", PlainCases.LargeUnaryAsync),
        new("client_compressed_unary", CompressionCases.ClientCompressedUnaryAsync),
        new("server_compressed_unary", CompressionCases.ServerCompressedUnaryAsync),
        new("client_streaming", PlainCases.ClientStreamingAsync),
        new("client_compressed_streaming", CompressionCases.ClientCompressedStreamingAsync),
        new("server_streaming", PlainCases.ServerStreamingAsync),
        new("server_compressed_streaming", CompressionCases.ServerCompressedStreamingAsync),
        new("ping_pong", PlainCases.PingPongAsync),
        new("empty_stream", PlainCases.EmptyStreamAsync),
        new("custom_metadata", MetadataAndStatusCases.CustomMetadataAsync),
        new("per_rpc_creds", MetadataAndStatusCases.PerRpcCredsAsync),
        new("status_code_and_message", MetadataAndStatusCases.StatusCodeAndMessageAsync),
        new("special_status_message", MetadataAndStatusCases.SpecialStatusMessageAsync),
        new("unimplemented_method", MetadataAndStatusCases.UnimplementedMethodAsync),
        new("unimplemented_service", MetadataAndStatusCases.UnimplementedServiceAsync),
        new("cancel_after_begin", EndingCases.CancelAfterBeginAsync),
        new("cancel_after_first_response", EndingCases.CancelAfterFirstResponseAsync),
        new("timeout_on_sleeping_server", EndingCases.TimeoutOnSleepingServerAsync),
        new("concurrent_large_unary", PlainCases.ConcurrentLargeUnaryAsync),
        new("pick_first_unary", PlainCases.PickFirstUnaryAsync),
        new("rpc_soak", SoakCases.RpcSoakAsync),
        new("channel_soak", SoakCases.ChannelSoakAsync),
    ];

    /// <summary>The negative HTTP/2 cases: each has a server of its own, which breaks the rules.</summary>
    public static IReadOnlyList<InteropCase> Http2 { get; } =
    [
        new("goaway", Http2Cases.GoAwayAsync),
        new("rst_after_header", Http2Cases.FailsAsync),
        new("rst_during_data", Http2Cases.FailsAsync),
        new("rst_after_data", Http2Cases.FailsAsync),
        new("ping", PlainCases.LargeUnaryAsync),
        new("max_streams", Http2Cases.MaxStreamsAsync),
        new("data_frame_padding", PlainCases.LargeUnaryAsync),
        new("no_df_padding_sanity", PlainCases.LargeUnaryAsync),
    ];

    public static InteropCase? Find(string name) => All.Concat(Http2).FirstOrDefault(each => each.Name == name);

    public override string ToString() => Name;
}
