using System.Runtime.CompilerServices;

using MiniGrpc.Client;
using MiniGrpc.Server;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>Looks into private fields, so that the engine needs no counters for its tests.</summary>
internal static class Inside
{
    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_startedAgain")]
    public static extern ref bool WasSentAgain(ClientCall call);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_connections")]
    public static extern ref HashSet<Http2Connection> ConnectionsOf(ServerCore core);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_send")]
    public static extern ref SendSide SendOf(Http2Connection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_receive")]
    public static extern ref ReceiveSide ReceiveOf(Http2Connection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_connectionWindow")]
    public static extern ref SendWindow WindowOf(SendSide send);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_available")]
    public static extern ref long AvailableOf(ConnectionReceiveWindow window);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_owed")]
    public static extern ref long OwedOf(ConnectionReceiveWindow window);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_array")]
    public static extern ref byte[] ArrayOf(OutputBuffer buffer);
}
