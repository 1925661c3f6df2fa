using MiniGrpc.Conformance.Wire.Engine;

namespace MiniGrpc.Conformance.Wire.Robustness;

// The tests of this folder once more, over TLS (Engine/Peers/OverTls.cs). What is left out, OverTlsTests says.

public sealed class CallsOnTheClientOverTls : CallsOnTheClient, IOverTls;

public sealed class CallsOnTheServerOverTls : CallsOnTheServer, IOverTls;

public sealed class ConnectionFloodsOverTls : ConnectionFloods, IOverTls;

public sealed class ContinuationFloodsOverTls : ContinuationFloods, IOverTls;

public sealed class CreditOnTheClientOverTls : CreditOnTheClient, IOverTls;

public sealed class CreditOnTheServerOverTls : CreditOnTheServer, IOverTls;

public sealed class FieldsOnTheClientOverTls : FieldsOnTheClient, IOverTls;

public sealed class FieldsOnTheServerOverTls : FieldsOnTheServer, IOverTls;

public sealed class FloodsOnTheClientOverTls : FloodsOnTheClient, IOverTls;

public sealed class FloodsOnTheServerOverTls : FloodsOnTheServer, IOverTls;

public sealed class FramesOnTheClientOverTls : FramesOnTheClient, IOverTls;

public sealed class FramesOnTheServerOverTls : FramesOnTheServer, IOverTls;

public sealed class CrossingFramesOverTls : CrossingFrames, IOverTls;

public sealed class HeaderBlocksOnTheClientOverTls : HeaderBlocksOnTheClient, IOverTls;

public sealed class HeaderBlocksOnTheServerOverTls : HeaderBlocksOnTheServer, IOverTls;

public sealed class LoggedPeersOverTls : LoggedPeers, IOverTls;

public sealed class MessagesOnTheClientOverTls : MessagesOnTheClient, IOverTls;

public sealed class MessagesOnTheServerOverTls : MessagesOnTheServer, IOverTls;

public sealed class MetricsTestsOverTls : MetricsTests, IOverTls;

public sealed class PingFloodsOverTls : PingFloods, IOverTls;

public sealed class SlowPeersOfTheClientOverTls : SlowPeersOfTheClient, IOverTls;

public sealed class SlowPeersOfTheServerOverTls : SlowPeersOfTheServer, IOverTls;

public sealed class UnreadAnswersOverTls : UnreadAnswers, IOverTls;
