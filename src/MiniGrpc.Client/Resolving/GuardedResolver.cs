using Microsoft.Extensions.Logging;

namespace MiniGrpc.Client.Resolving;

/// <summary>
/// A resolver of the user's, whatever it throws: that is a look-up that has failed, and another one is made after a wait, 1 second at first, then
/// 1.6 times as long each time, up to 120 seconds.
/// </summary>
/// <remarks>On the channel's serializer, as every resolver; what the user's reports comes from any thread.</remarks>
internal sealed class GuardedResolver(Func<Resolver> create, string target, MiniChannelOptions options, ILogger logger, Action<Action> post) : Resolver
{
    private readonly Backoff _backoff = Backoff.OfConnecting(options);
    private Action<ResolverResult> _listener = _ => { };
    private Resolver? _resolver;
    private SerialTimer? _retry;

    /// <inheritdoc />
    public override void Start(Action<ResolverResult> listener)
    {
        _listener = listener;
        Begin();
    }

    /// <inheritdoc />
    public override void Refresh()
    {
        try
        {
            _resolver?.Refresh();
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        _retry?.Stop();
        Discard();
        base.Dispose(disposing);
    }

    private void Begin()
    {
        try
        {
            Resolver resolver = create() ?? throw new InvalidOperationException("its factory has made none");
            Volatile.Write(ref _resolver, resolver);
            resolver.Start(result => Report(resolver, result));
            _backoff.Reset();
        }
        catch (Exception e)
        {
            Fail(e);
        }
    }

    private void Report(Resolver source, ResolverResult result)
    {
        ArgumentNullException.ThrowIfNull(result);
        if (Volatile.Read(ref _resolver) == source)
        {
            _listener(result);
        }
    }

    private void Fail(Exception e)
    {
        Discard();
        TimeSpan wait = _backoff.Next();
        logger.LogError(e, "The resolver of {Target} failed; another one is made in {Wait}", target, wait);
        _retry ??= new SerialTimer(options.TimeProvider, post, Begin);
        _retry.Start(wait);
        _listener(ResolverResult.ForFailure(LocalStatus.Of(e, Grpc.Core.StatusCode.Unavailable, $"The resolver of {target} failed")));
    }

    /// <summary>Disposes of the user's resolver; what it still reports is ignored.</summary>
    private void Discard()
    {
        Resolver? resolver = _resolver;
        Volatile.Write(ref _resolver, null);
        try
        {
            resolver?.Dispose();
        }
        catch (Exception e)
        {
            logger.LogError(e, "The resolver of {Target} failed as it was disposed of", target);
        }
    }
}
