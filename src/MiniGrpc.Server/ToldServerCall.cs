namespace MiniGrpc.Server;

/// <summary>
/// A call whose token is cancelled also when the server begins to stop. Only its handler is told: the call goes on until that returns.
/// </summary>
internal sealed class ToldServerCall : ServerCall
{
    private readonly CancellationToken _shutdown;
    private readonly CancellationTokenSource _toldToEnd;
    private readonly CancellationToken _token; // to be had from a source that was disposed of, too

    public ToldServerCall(ServerStream stream, MethodHandler handler)
        : base(stream, handler)
    {
        _shutdown = stream.Server.CallsToldToEnd.Token;
        _toldToEnd = CancellationTokenSource.CreateLinkedTokenSource(base.CancellationTokenCore, _shutdown);
        _token = _toldToEnd.Token;
    }

    /// <inheritdoc />
    protected override bool WasToldToEnd => _shutdown.IsCancellationRequested;

    /// <inheritdoc />
    protected override CancellationToken CancellationTokenCore => _token;

    /// <inheritdoc />
    protected override void OnEnded() => _toldToEnd.Dispose(); // or the server would hold every such call until it stops
}
