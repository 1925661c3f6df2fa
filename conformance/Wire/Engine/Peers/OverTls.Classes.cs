using MiniGrpc.Conformance.Wire.Engine.Client;
using MiniGrpc.Conformance.Wire.Engine.Server;

namespace MiniGrpc.Conformance.Wire.Engine;

// Every rule about connections and streams holds over TLS as it does over plaintext: the same tests, run once more.
// What comes to a port with the wrong protocol is another matter, and has tests of its own in Tls/.

public sealed class Section4_FramesOverTls : Section4_Frames, IOverTls;

public sealed class Section5_1_StreamStatesOverTls : Section5_1_StreamStates, IOverTls;

public sealed class Section6_5_SettingsOverTls : Section6_5_Settings, IOverTls;

public sealed class Section6_8_GoAwayOverTls : Section6_8_GoAway, IOverTls;

public sealed class Section6_9_FlowControlOverTls : Section6_9_FlowControl, IOverTls;

public sealed class Section8_1_MessagesOverTls : Section8_1_Messages, IOverTls;

public sealed class ServerLifetimesOverTls : Server.Lifetimes, IOverTls;

public sealed class ConnectionsOverTls : Connections, IOverTls;

public sealed class ClientLifetimesOverTls : Client.Lifetimes, IOverTls;

public sealed class ReconnectionOverTls : Reconnection, IOverTls;

public sealed class ResponsesOverTls : Responses, IOverTls;

public sealed class StreamsOverTls : Streams, IOverTls;
