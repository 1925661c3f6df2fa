using System.Net;
using System.Net.Sockets;

using Grpc.Core;

using Microsoft.Extensions.Logging;

using MiniGrpc.Client.Balancing;
using MiniGrpc.Wire.Connection;

namespace MiniGrpc.Client.Resolving;

/// <summary>Looks a host name up.</summary>
internal delegate Task<IPAddress[]> LookUp(string host, CancellationToken cancellationToken);

/// <summary>
/// All addresses of a host name, as the system finds them. They are looked up again when a connection has failed or was lost, at most
/// every 30 seconds; a look-up that fails is repeated after 1 second, then 1.6 times as long each time, up to 120 seconds. One that finds
/// nothing has failed, and so has one that takes longer than 120 seconds.
/// </summary>
/// <remarks>Service configs in TXT records aren't read: the platform offers no way to look them up.</remarks>
internal sealed class DnsResolver : Resolver
{
    /// <summary>No more often than that is it worth while to ask (gRPC's "minimum DNS resolution rate").</summary>
    internal static readonly TimeSpan ShortestInterval = TimeSpan.FromSeconds(30);

    /// <summary>Systems give up by themselves, mostly within half a minute; this is for those that don't. The same as in gRPC's C core.</summary>
    internal static readonly TimeSpan LongestLookUp = TimeSpan.FromSeconds(120);

    private readonly DnsEndPoint _target;
    private readonly MiniChannelOptions _options;
    private readonly ILogger _logger;
    private readonly Backoff _backoff;
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _closing = new();
    private Action<ResolverResult> _listener = _ => { };
    private readonly SerialTimer _later;
    private long? _lastAsked;
    private bool _isLooking;
    private bool _isDisposed;

    public DnsResolver(DnsEndPoint target, MiniChannelOptions options, ILogger logger)
    {
        _target = target;
        _options = options;
        _logger = logger;
        _backoff = Backoff.OfConnecting(options);
        _later = new SerialTimer(options.TimeProvider, RunUnderLock, LookUnlessLooking);
    }

    /// <inheritdoc />
    public override void Start(Action<ResolverResult> listener)
    {
        _listener = listener;
        Refresh();
    }

    /// <inheritdoc />
    public override void Refresh()
    {
        lock (_lock)
        {
            if (_isLooking || _later.IsRunning || _isDisposed)
            {
                return; // what is found then is new enough
            }

            TimeSpan since = _lastAsked is { } asked ? _options.TimeProvider.GetElapsedTime(asked) : ShortestInterval;
            if (since < ShortestInterval)
            {
                _later.Start(ShortestInterval - since);
            }
            else
            {
                Look();
            }
        }
    }

    /// <inheritdoc />
    protected override void Dispose(bool disposing)
    {
        lock (_lock)
        {
            _isDisposed = true;
            _later.Stop();
        }

        _closing.Cancel(); // wakes the look-up only, no code of a user
        base.Dispose(disposing);
    }

    private void RunUnderLock(Action work)
    {
        lock (_lock)
        {
            work();
        }
    }

    private void LookUnlessLooking()
    {
        if (!_isLooking)
        {
            Look();
        }
    }

    private void Look()
    {
        _isLooking = true;
        _lastAsked = _options.TimeProvider.GetTimestamp();
        _ = Detached.Start(LookAsync);
    }

    private async Task LookAsync()
    {
        await _options.Connection.Dispatcher.Yield(); // called under the lock
        ResolverResult result;
        try
        {
            result = ResolverResult.ForResult([.. (await LookUpAsync().ConfigureAwait(false)).Select(address => new BalancerAddress(new IPEndPoint(address, _target.Port)))]);
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested)
        {
            return; // the channel is closed
        }
        catch (Exception e)
        {
            // Whatever it was, the calls that wait must hear of it.
            result = ResolverResult.ForFailure(new Status(StatusCode.Unavailable, $"can't connect to dns:{_target.Host}:{_target.Port}: {Explain(e)}", e));
        }

        lock (_lock)
        {
            _isLooking = false;
            if (_isDisposed)
            {
                return;
            }

            if (result.Failure is { } failure)
            {
                TimeSpan wait = _backoff.Next();
                _logger.LogInformation("{Reason}; looked up again in {Wait}", failure.Detail, wait);
                _later.Start(wait);
            }
            else
            {
                _backoff.Reset();
            }
        }

        _listener(result);
    }

    private async Task<IPAddress[]> LookUpAsync()
    {
        using var limit = new CancellationTokenSource(LongestLookUp, _options.TimeProvider);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _closing.Token);
        IPAddress[] addresses = await _options.LookUp(_target.Host, either.Token).WaitAsync(either.Token).ConfigureAwait(false);
        return addresses.Length > 0 ? addresses : throw new SocketException((int)SocketError.NoData);
    }

    private static string Explain(Exception e) => e switch
    {
        SocketException { SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain } => "no such host",
        OperationCanceledException => $"looking the host up took longer than {LongestLookUp.TotalSeconds:0} s",
        _ => e.Message,
    };
}
