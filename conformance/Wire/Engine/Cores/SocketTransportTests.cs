using System.IO.Pipelines;
using System.Net;
using MiniGrpc.Wire.Transport;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>What a socket's transport promises to whoever waits for input and reads it.</summary>
public class SocketTransportTests
{
    /// <summary>TLS, for one, may ask twice before it reads.</summary>
    [Fact]
    public async Task A_wait_is_over_for_as_long_as_there_are_octets_that_nobody_has_examined()
    {
        await using var listener = new SocketListener(new IPEndPoint(IPAddress.Loopback, 0));
        await using ITransport writer = await SocketTransport.ConnectAsync(listener.LocalEndPoint, TestContext.Current.CancellationToken);
        await using ITransport reader = (await listener.AcceptAsync())!;
        await writer.Output.WriteAsync(new byte[] { 1, 2, 3 }, TestContext.Current.CancellationToken);
        await RawPeer.Within(reader.WaitForInputAsync().AsTask(), "the octets");
        await RawPeer.Within(reader.WaitForInputAsync().AsTask(), "the octets, which nobody has read");

        ReadResult result = await reader.Input.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(3, result.Buffer.Length);
        reader.Input.AdvanceTo(result.Buffer.GetPosition(1)); // the other two were not examined
        await RawPeer.Within(reader.WaitForInputAsync().AsTask(), "what was left");
        result = await reader.Input.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(2, result.Buffer.Length);

        reader.Input.AdvanceTo(result.Buffer.Start, result.Buffer.End);
        Task wait = reader.WaitForInputAsync().AsTask();
        Assert.False(wait.IsCompleted, "all of it was examined: the wait is for more");
        await writer.Output.CompleteAsync();
        await RawPeer.Within(wait, "the end");
        await RawPeer.Within(reader.WaitForInputAsync().AsTask(), "the end, again");
        result = await reader.Input.ReadAsync(TestContext.Current.CancellationToken);
        Assert.True(result.IsCompleted);
        Assert.Equal(2, result.Buffer.Length);
    }
}
