using System.Buffers;
using System.Runtime.CompilerServices;
using MiniGrpc.Conformance.Fuzz.Engine;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Fuzz.Targets;

/// <summary>
/// The inbox of a stream between the loop that fills it and the call that reads it, against a list of octets (gRPC over
/// HTTP/2, Length-Prefixed-Message; RFC 9113 section 6.9). An input is a row of decisions: pieces come in, messages are read,
/// consumed, thrown away.
/// </summary>
internal sealed class InboxTarget : PureTarget
{
    private static readonly int[] s_windows = [100, 65_535, 7, 1000];
    private static readonly int[] s_limits = [50, 4096, 100_000, 0];

    /// <inheritdoc />
    public override string Name => "inbox";

    /// <inheritdoc />
    public override string About => "Pieces in, messages out, in any order: as a plain list reads them, with windows and memory balanced at the end.";

    /// <inheritdoc />
    public override IEnumerable<byte[]> Seeds()
    {
        // Append so many octets (a whole message, two halves), read, consume.
        yield return [0, 0, 0, 8, 0, 0, 0, 0, 3, 1, 2, 3, 1, 2, 1];
        yield return [1, 1, 1, 0, 5, 0, 0, 0, 0, 9, 0, 4, 1, 2, 3, 4, 1, 0, 5, 5, 6, 7, 8, 9, 1, 2, 4, 1];
        yield return [2, 2, 1, 0, 7, 0, 0, 0, 0, 20, 1, 1, 1, 0, 7, 3, 3, 3, 3, 3, 3, 3, 5, 0, 1, 1, 3];
    }

    /// <inheritdoc />
    protected override void Run(byte[] input, Features features)
    {
        var source = new ByteSource(input);
        var run = new Bench(source.OneOf(s_windows), source.OneOf(s_limits), features);
        while (source.HasMore)
        {
            run.Step(source);
        }

        run.End();
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_octets")]
    private static extern ref InboxOctets Octets(MessageInbox inbox);

    private sealed class Bench(int streamWindow, int limit, Features features)
    {
        private readonly ConnectionReceiveWindow _connection = new(1_000_000, 1_000_000);
        private readonly List<byte> _model = [];
        private MessageInbox? _made;
        private long _credit = streamWindow;
        private long _reading;
        private bool _ended;
        private bool _failed;
        private bool _discarded;
        private bool _waiting;

        private MessageInbox Inbox => _made ??= new MessageInbox(_connection, streamWindow, limit);

        public void Step(ByteSource source)
        {
            int kind = source.Below(8);
            features.Add("step", kind, (_waiting ? 1 : 0) | (_ended ? 2 : 0) | (_discarded ? 4 : 0));
            switch (kind)
            {
                case 0 or 5 when !_ended:
                    Append(source.Octets(source.Below(40)), padding: source.Below(4) == 0 ? source.Below(10) : 0, ended: source.Below(16) == 15);
                    break;
                case 1 or 6 when _reading == 0 && !_failed:
                    Read();
                    break;
                case 2 when _reading > 0:
                    Consume();
                    break;
                case 3 when source.Below(4) == 0:
                    _discarded = true;
                    _waiting = false;
                    Inbox.Discard();
                    break;
                case 4:
                    _ended = true;
                    RequireWake(_waiting, Inbox.End());
                    break;
                case 7:
                    CheckOverfull();
                    break;
            }

            FuzzException.Require(_connection.Unread >= 0, "fewer than no octets are unread");
            FuzzException.Require(_connection.Unread <= _model.Count, "more octets are unread than there are");
        }

        /// <summary>The call is over: the memory is given back.</summary>
        public void End()
        {
            if (_reading > 0)
            {
                Consume();
            }

            Inbox.Discard();
            FuzzException.RequireEqual(0, _connection.Unread, "unread octets when all is over");
            FuzzException.Require(!Octets(Inbox).HoldsMemory, "memory is held when all is over");
        }

        private void Append(byte[] data, int padding, bool ended)
        {
            InboxAppend append = Inbox.Append(data, padding, ended);
            FuzzException.RequireEqual(data.Length + padding <= _credit, append.WithinWindow, "whether the window allows it");
            features.Add("append", append.WithinWindow ? 1 : 0, append.Wake ? 1 : 0);
            if (!append.WithinWindow)
            {
                return;
            }

            _credit += append.Credit - data.Length - padding;
            FuzzException.Require(append.Credit >= 0 && _credit <= int.MaxValue, "the stream's window runs over");
            if (!_discarded)
            {
                _ended |= ended;
                _model.AddRange(data);
                RequireWake(_waiting && Expected() != InboxStatus.Waiting, append.Wake);
            }
        }

        private void Read()
        {
            InboxStatus status = Inbox.Read(out MessagePrefix prefix, out ReadOnlySequence<byte> payload, out GrpcError? error, out int credit);
            FuzzException.RequireEqual(Expected(), status, "what is there to be read");
            FuzzException.RequireEqual(status == InboxStatus.Error, error is not null, "whether there is an error");
            features.Add("read", (int)status, credit > 0 ? 1 : 0);
            _credit += credit;
            _failed = status == InboxStatus.Error;
            _waiting = status == InboxStatus.Waiting;
            if (status == InboxStatus.Message)
            {
                _reading = prefix.TotalLength;
                FuzzException.Require(payload.ToArray().AsSpan().SequenceEqual(_model.Skip(5).Take((int)prefix.Length).ToArray()), "another message was read");
            }
            else if (_waiting && _model.Count >= 5)
            {
                long missing = ModelPrefix().TotalLength - _model.Count;
                FuzzException.Require(_credit >= missing, $"a reader waits for {missing} octets and the peer may send {_credit}");
            }
        }

        private void Consume()
        {
            _credit += Inbox.Consume(_reading);
            _model.RemoveRange(0, (int)_reading);
            _reading = 0;
        }

        private void CheckOverfull()
        {
            if (_discarded)
            {
                return;
            }

            InboxStatus status = Inbox.JudgeOverfull(out GrpcError? error);
            FuzzException.RequireEqual(status == InboxStatus.Error, error is not null, "whether there is an error");
            features.Add("overfull", (int)status);
        }

        private InboxStatus Expected()
        {
            if (_discarded)
            {
                return InboxStatus.End;
            }

            if (_model.Count >= 5)
            {
                MessagePrefix prefix = ModelPrefix();
                if (prefix.Flag > 1 || prefix.Length > limit)
                {
                    return InboxStatus.Error;
                }

                if (_model.Count >= prefix.TotalLength)
                {
                    return InboxStatus.Message;
                }
            }

            return !_ended ? InboxStatus.Waiting : _model.Count == 0 ? InboxStatus.End : InboxStatus.Error;
        }

        private MessagePrefix ModelPrefix() => MessagePrefix.Read(_model.Take(5).ToArray());

        private void RequireWake(bool expected, bool wake)
        {
            FuzzException.RequireEqual(expected, wake, "whether the reader is woken");
            _waiting &= !wake;
        }
    }
}
