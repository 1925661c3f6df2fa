namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>What the experiments tell that look at more than steady load. All of it is the process's own, none the kernel's.</summary>
internal static class StartFigures
{
    public static readonly Figure ServerFirstCall = new("exec to first call ms", Side.Server, Better.Lower);
    public static readonly Figure ServerAllCalls = new("exec to 10,000th call ms", Side.Server, Better.Lower);
    public static readonly Figure ServerAllCallsCpu = new("CPU ms to 10,000th call", Side.Server, Better.Lower);
    public static readonly Figure ClientFirstCall = ServerFirstCall with { Side = Side.Client };
    public static readonly Figure ClientAllCalls = ServerAllCalls with { Side = Side.Client };
    public static readonly Figure ClientAllCallsCpu = ServerAllCallsCpu with { Side = Side.Client };

    public static readonly Figure FirstSettings = new("exec to first SETTINGS ms", Side.Server, Better.Lower);
    public static readonly Figure IdleResident = new("RSS idle MB", Side.Server, Better.Lower);
    public static readonly Figure LoadedResident = new("RSS under load MB", Side.Server, Better.Lower);
    public static readonly Figure BinarySize = new("binary MB", Side.Server, Better.Lower);

    public static IReadOnlyList<Figure> All { get; } =
    [
        ServerFirstCall, ServerAllCalls, ServerAllCallsCpu, ClientFirstCall, ClientAllCalls, ClientAllCallsCpu,
        FirstSettings, IdleResident, LoadedResident, BinarySize,
    ];
}
