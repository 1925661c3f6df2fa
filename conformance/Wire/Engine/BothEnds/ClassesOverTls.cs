namespace MiniGrpc.Conformance.Wire.Engine.BothEnds;

// The tests of this folder once more, over TLS (Engine/Peers/OverTls.cs). What is left out, OverTlsTests says.

public sealed class Section4_1_FrameFormatOverTls : Section4_1_FrameFormat, IOverTls;

public sealed class Section4_2_FrameSizesOverTls : Section4_2_FrameSizes, IOverTls;

public sealed class Section4_3_FieldBlocksOverTls : Section4_3_FieldBlocks, IOverTls;

public sealed class Section5_1_LateFramesOverTls : Section5_1_LateFrames, IOverTls;

public sealed class Section5_1_StreamStateMatrixOverTls : Section5_1_StreamStateMatrix, IOverTls;

public sealed class Section5_4_ErrorHandlingOverTls : Section5_4_ErrorHandling, IOverTls;

public sealed class Section6_5_SettingsOverTls : Section6_5_Settings, IOverTls;

public sealed class Section6_8_GoAwayOverTls : Section6_8_GoAway, IOverTls;

public sealed class Section6_9_FlowControlOverTls : Section6_9_FlowControl, IOverTls;

public sealed class LongPathsOverTls : LongPaths, IOverTls;
