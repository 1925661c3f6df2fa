using Grpc.Core;

using MiniGrpc.Client.Diagnostics;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Connection;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <content>How a call starts: its deadline and its cancellation first, then its stream, as soon as a connection has room for one.</content>
internal abstract partial class ClientCall
{
    private bool _startedAgain;
    private Fate _fate; // one octet, which takes no room beside other flags

    /// <summary>What makes a failure other than it looks to whoever thinks of another attempt.</summary>
    private enum Fate : byte
    {
        Ordinary,

        Unprocessed,

        Dropped,
    }

    /// <summary>Whether the call has failed without any server having looked at it.</summary>
    public bool WasUnprocessed => _fate == Fate.Unprocessed;

    /// <summary>Whether the load-balancing policy wants it to fail without another attempt.</summary>
    public bool WasDropped => _fate == Fate.Dropped;

    /// <summary>The load-balancing policy drops it: it is about to fail.</summary>
    public void NoteDropped() => _fate = Fate.Dropped;

    /// <summary>Opens a stream for the call on <paramref name="connection"/>. User code runs here: not on the receive loop.</summary>
    public OpenResult TryOpen(Http2Connection connection)
    {
        if (HasEnded)
        {
            return OpenResult.Opened; // nothing is left to start
        }

        HeaderList? fields = null;
        try
        {
            fields = RequestFields();
            OpenResult result = Open(connection, fields, out ClientStream? stream);
            if (result == OpenResult.TooLarge)
            {
                End(new Status(StatusCode.ResourceExhausted, "The call's metadata is larger than the server accepts (SETTINGS_MAX_HEADER_LIST_SIZE)."), abort: true);
                return OpenResult.Opened;
            }

            if (result != OpenResult.Opened)
            {
                return result;
            }

            OnOpened();
            if (IsAborted)
            {
                stream?.Reset(ErrorCode.Cancel); // ended while it was being opened
            }

            return result;
        }
        catch (Exception e)
        {
            // A marshaller or metadata that can't be sent, whatever it throws: that is this call's end and nobody else's.
            End(LocalStatus.OfRequest(e), abort: true);
            return OpenResult.Opened;
        }
        finally
        {
            fields?.Release();
        }
    }

    /// <summary>Starts the call: its deadline, its cancellation, and, when there is a connection, its stream.</summary>
    protected void Begin()
    {
        if (AttemptNumber == 0 && IsUsers)
        {
            Observer = CallObserver.StartOne(Channel, Plan, MethodName, _requestHeaders);
        }

        if (_cancellationToken.IsCancellationRequested)
        {
            OnTokenCancelled();
            return;
        }

        if (HasDeadline)
        {
            TimeSpan timeout = TimeLeft;
            if (timeout <= TimeSpan.Zero)
            {
                OnDeadline();
                return;
            }

            _timer = new Deadline(Channel.Options.TimeProvider, OnDeadline);
            _timer.Start(timeout);
        }

        if (_cancellationToken.CanBeCanceled)
        {
            _registration = _cancellationToken.UnsafeRegister(static call => ((ClientCall)call!).OnTokenCancelled(), this);
            if (HasEnded)
            {
                _registration.Unregister(); // ended before there was anything to unregister
                return;
            }
        }

        try
        {
            if (_authorization is null)
            {
                Route();
                return;
            }

            ObjectDisposedException.ThrowIf(Channel.Core.Router.Closing.IsCancellationRequested, typeof(MiniChannel));
            _ = AuthorizeAsync(); // with its caller's ambient values: whose token it is may stand there
        }
        catch (ObjectDisposedException)
        {
            End(new Status(StatusCode.Cancelled, ChannelClosed), abort: true);
            throw;
        }
    }

    /// <summary>
    /// The server says that it has not looked at the call, and won't. One that can is sent once more, to whatever connection there is (gRFC
    /// A6, transparent retries); the others end with <paramref name="status"/>, attempts among them: that is for whoever makes attempts to
    /// decide. On the receive loop.
    /// </summary>
    public void OnUnprocessed(Status status)
    {
        if (!HasEnded && AttemptNumber == 0 && !_startedAgain && TakeBack())
        {
            _startedAgain = true;
            Observer?.End(status.StatusCode, isLast: false);
            Channel.Core.Dispatcher.Post(new SecondStart(this));
            return;
        }

        _fate = Fate.Unprocessed;
        End(new Status(status.StatusCode, status.Detail + WhyNotTakenBack), abort: true);
    }

    /// <summary>Brings the call to a connection, now or as soon as there is one.</summary>
    /// <exception cref="ObjectDisposedException">The channel was closed.</exception>
    protected virtual void Route()
    {
        Observer?.Begin();
        Channel.Core.Router.Start(this);
    }

    /// <summary>Whether it is a call of the channel's user, whom metrics and spans are for, and not one of the channel's own.</summary>
    protected virtual bool IsUsers => true;

    /// <summary>Takes back what was sent on the stream that was refused; false if not all of it is there to be sent once more.</summary>
    protected abstract bool TakeBack();

    /// <summary>What there is to say of why not all of it is there; empty for nothing.</summary>
    protected abstract string WhyNotTakenBack { get; }

    /// <summary>The server has answered: nothing will be sent once more.</summary>
    protected abstract void ReleaseRequest();

    /// <summary>The stream is about to be opened: nothing has been sent or received on it.</summary>
    protected virtual void Prepare(ClientStream stream)
    {
    }

    /// <summary>Opens a stream and sends what the call can send at once.</summary>
    protected abstract OpenResult Open(Http2Connection connection, HeaderList? fields, out ClientStream? stream);

    /// <summary>Under the gate: opens a stream if there is room for one.</summary>
    protected OpenResult OpenStream(SendSide send, Http2Connection connection, HeaderList? fields, out ClientStream? stream)
    {
        stream = null;
        if (send.CanOpen is not OpenResult.Opened and var result)
        {
            return result;
        }

        stream = (ClientStream?)connection.Pool.Take()
            ?? new ClientStream(connection, Channel.Compressions);
        stream.Begin(this, Plan.MaxReceiveMessageSize);
        Prepare(stream);
        Observer?.OnStream(stream);
        Connection = connection;
        Stream = stream; // the response may be there before the opener goes on
        return send.TryOpen(stream, Plan.RequestBlock, fields, endStream: false);
    }

    /// <summary>The stream is open.</summary>
    protected virtual void OnOpened()
    {
    }

    /// <summary>Starts the call away from its caller, who has its call object and is told there what comes of it.</summary>
    private void StartLater()
    {
        try
        {
            Route();
        }
        catch (ObjectDisposedException)
        {
            End(new Status(StatusCode.Cancelled, ChannelClosed), abort: true);
        }
    }

    /// <summary>The start of a call that was sent once without any use.</summary>
    private sealed class SecondStart(ClientCall call) : IThreadPoolWorkItem
    {
        public void Execute() => call.StartLater();
    }
}
