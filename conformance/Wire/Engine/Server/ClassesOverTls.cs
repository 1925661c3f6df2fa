namespace MiniGrpc.Conformance.Wire.Engine.Server;

// The tests of this folder once more, over TLS (Engine/Peers/OverTls.cs). What is left out, OverTlsTests says.

public sealed class CompressionOverTls : Compression, IOverTls;

public sealed class ConnectionLivesOverTls : ConnectionLives, IOverTls;

public sealed class EndedCallsOverTls : EndedCalls, IOverTls;

public sealed class GrpcRequestsOverTls : GrpcRequests, IOverTls;

public sealed class LifetimesOverTls : Lifetimes, IOverTls;

public sealed class RepeatedHeadsOverTls : RepeatedHeads, IOverTls;

public sealed class ResponseFieldsOverTls : ResponseFields, IOverTls;

public sealed class Section3_4_ConnectionPrefaceOverTls : Section3_4_ConnectionPreface, IOverTls;

public sealed class Section4_3_CompressionOverTls : Section4_3_Compression, IOverTls;

public sealed class Section4_FramesOverTls : Section4_Frames, IOverTls;

public sealed class Section5_1_StreamStatesOverTls : Section5_1_StreamStates, IOverTls;

public sealed class Section6_5_SettingsOverTls : Section6_5_Settings, IOverTls;

public sealed class Section6_8_GoAwayOverTls : Section6_8_GoAway, IOverTls;

public sealed class Section6_9_FlowControlOverTls : Section6_9_FlowControl, IOverTls;

public sealed class Section7_ErrorCodesOverTls : Section7_ErrorCodes, IOverTls;

public sealed class Section8_1_MessagesOverTls : Section8_1_Messages, IOverTls;

public sealed class Section8_2_FieldsOverTls : Section8_2_Fields, IOverTls;

public sealed class Section8_3_ControlDataOverTls : Section8_3_ControlData, IOverTls;

public sealed class Section8_7_ReliabilityOverTls : Section8_7_Reliability, IOverTls;

public sealed class SenderSessionsOverTls : SenderSessions, IOverTls;
