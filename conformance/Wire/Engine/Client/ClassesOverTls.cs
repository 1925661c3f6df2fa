namespace MiniGrpc.Conformance.Wire.Engine.Client;

// The tests of this folder once more, over TLS (Engine/Peers/OverTls.cs). What is left out, OverTlsTests says.

public sealed class ClosedChannelsOverTls : ClosedChannels, IOverTls;

public sealed class CompressionOverTls : Compression, IOverTls;

public sealed class ConnectionsOverTls : Connections, IOverTls;

public sealed class HedgesOverTls : Hedges, IOverTls;

public sealed class LifetimesOverTls : Lifetimes, IOverTls;

public sealed class PushPromisesOverTls : PushPromises, IOverTls;

public sealed class ReconnectionOverTls : Reconnection, IOverTls;

public sealed class ReliabilityOverTls : Reliability, IOverTls;

public sealed class RepeatedResponsesOverTls : RepeatedResponses, IOverTls;

public sealed class RequestFieldsOverTls : RequestFields, IOverTls;

public sealed class RequestLogTestsOverTls : RequestLogTests, IOverTls;

public sealed class ResponsesOverTls : Responses, IOverTls;

public sealed class RetriesOverTls : Retries, IOverTls;

public sealed class Section4_3_CompressionOverTls : Section4_3_Compression, IOverTls;

public sealed class SettingsOverTls : Settings, IOverTls;

public sealed class StreamsOverTls : Streams, IOverTls;

public sealed class TransparentRetriesOverTls : TransparentRetries, IOverTls;

public sealed class UnseenResponsesOverTls : UnseenResponses, IOverTls;

public sealed class UnwritableRequestsOverTls : UnwritableRequests, IOverTls;

public sealed class WaitingCallsOverTls : WaitingCalls, IOverTls;

public sealed class SenderSessionsOverTls : SenderSessions, IOverTls;
