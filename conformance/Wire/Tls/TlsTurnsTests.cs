using System.IO.Pipelines;
using System.Net.Security;
using System.Security.Authentication;
using MiniGrpc.Conformance.Wire.Engine;
using MiniGrpc.Server;
using MiniGrpc.Wire.Transport;
using MiniGrpc.Wire.Transport.Tls;

namespace MiniGrpc.Conformance.Wire.Tls;

/// <summary>TLS is never asked to end a direction while it decrypts: that would damage the memory of the process.</summary>
public class TlsTurnsTests
{
    [Fact]
    public async Task While_the_reader_decrypts_the_end_of_our_direction_waits()
    {
        (ITransport near, ITransport far) = MemoryTransport.CreatePair("turns");
        var below = new TakenTransport(near);
        ITransport tls = ((ITransportSecurity)new ServerTls(TestCertificates.Server)).Secure(below);
        await using SslStream client = RawTls.On(far);
        SslClientAuthenticationOptions options = RawTls.ClientOptions();
        options.EnabledSslProtocols = SslProtocols.Tls12; // with 1.3 tickets would lie in the client's input
        Task handshake = client.AuthenticateAsClientAsync(options, TestContext.Current.CancellationToken);
        Assert.Null(await tls.OpenAsync());
        await RawPeer.Within(handshake, "the client's handshake");

        Task? end = null;
        bool hasEnded = false;
        below.OnTaken = () =>
        {
            // The reader's own thread: it has taken a record, and is about to decrypt it.
            end ??= tls.Output.CompleteAsync().AsTask();
            hasEnded |= far.Input.TryRead(out _);
        };
        await client.WriteAsync(new byte[] { 7 }, TestContext.Current.CancellationToken);
        ReadResult read = await RawPeer.Within(tls.Input.ReadAsync(TestContext.Current.CancellationToken).AsTask(), "the octet");
        Assert.Equal(7, read.Buffer.FirstSpan[0]);
        Assert.False(hasEnded);
        await RawPeer.Within(end!, "the end of our direction");
        Assert.Equal(0, await RawPeer.Within(client.ReadAsync(new byte[1], TestContext.Current.CancellationToken).AsTask(), "close_notify"));
        await tls.DisposeAsync();
    }

    /// <summary>What TLS has read ahead it decrypts without a look at the transport.</summary>
    [Fact]
    public async Task The_reader_is_inside_for_as_long_as_TLS_has_something_to_decrypt()
    {
        var turns = new TlsTurns();
        await using var stream = new AheadStream(turns);
        ReadResult read = await new TlsPipeReader(stream, turns, "client").ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(1, read.Buffer.Length);
        Assert.True(stream.EndHasWaited);
        await RawPeer.Within(stream.End!, "the end of our direction");
    }

    /// <summary>A connection may end before anybody has read from it, for the cipher suite that was negotiated.</summary>
    [Fact]
    public async Task After_the_handshake_nobody_is_inside()
    {
        (ITransport near, ITransport far) = MemoryTransport.CreatePair("turns");
        ITransport tls = ((ITransportSecurity)new ServerTls(TestCertificates.Server)).Secure(near);
        await using SslStream client = RawTls.On(far);
        Task handshake = client.AuthenticateAsClientAsync(RawTls.ClientOptions(), TestContext.Current.CancellationToken);
        Assert.Null(await tls.OpenAsync());
        await RawPeer.Within(handshake, "the client's handshake");
        await RawPeer.Within(tls.Output.CompleteAsync().AsTask(), "the end of our direction");
        await tls.DisposeAsync();
    }

    [Fact]
    public async Task While_nobody_reads_or_the_reader_waits_the_end_comes_at_once()
    {
        var turns = new TlsTurns();
        Assert.True(turns.ShutdownAsync(() => Task.CompletedTask).IsCompletedSuccessfully);
        turns.Enter();
        turns.Leave();
        Assert.True(turns.ShutdownAsync(() => Task.CompletedTask).IsCompletedSuccessfully);

        turns.Enter();
        Task waiting = turns.ShutdownAsync(() => throw new IOException("busy"));
        Assert.False(waiting.IsCompleted);
        turns.Leave(); // the reader doesn't hear of it
        IOException e = await Assert.ThrowsAsync<IOException>(() => RawPeer.Within(waiting, "the end"));
        Assert.Equal("busy", e.Message);
    }

    /// <summary>Has an octet at once; while it decrypts that, our direction is to end.</summary>
    private sealed class AheadStream(TlsTurns turns) : SslStream(new MemoryStream())
    {
        public Task? End { get; private set; }

        public bool EndHasWaited { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            End = turns.ShutdownAsync(() => Task.CompletedTask);
            EndHasWaited = !End.IsCompleted;
            return ValueTask.FromResult(1);
        }
    }

    /// <summary>Tells when its input was taken.</summary>
    private sealed class TakenTransport(ITransport below) : ITransport
    {
        private readonly TakenReader _input = new(below.Input);

        public Action? OnTaken
        {
            set => _input.OnTaken = value;
        }

        public PipeReader Input => _input;

        public PipeWriter Output => below.Output;

        public string RemoteAddress => below.RemoteAddress;

        public ValueTask WaitForInputAsync() => below.WaitForInputAsync();

        public void Abort() => below.Abort();

        public ValueTask DisposeAsync() => below.DisposeAsync();
    }

    private sealed class TakenReader(PipeReader below) : PipeReader
    {
        public Action? OnTaken { get; set; }

        public override ValueTask<ReadResult> ReadAsync(CancellationToken cancellationToken = default) => below.ReadAsync(cancellationToken);

        public override bool TryRead(out ReadResult result) => below.TryRead(out result);

        public override void AdvanceTo(SequencePosition consumed) => AdvanceTo(consumed, consumed);

        public override void AdvanceTo(SequencePosition consumed, SequencePosition examined)
        {
            below.AdvanceTo(consumed, examined);
            OnTaken?.Invoke();
        }

        public override void CancelPendingRead() => below.CancelPendingRead();

        public override void Complete(Exception? exception = null) => below.Complete(exception);
    }
}
