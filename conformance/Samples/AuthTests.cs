namespace MiniGrpc.Conformance.Samples;

/// <summary>samples/Auth: who is let in by a certificate or a token, and who isn't.</summary>
public class AuthTests
{
    [Fact]
    public async Task Whoever_proves_who_they_are_is_greeted_and_the_others_are_told_why_not()
    {
        await using SampleProgram program = SampleProgram.Start("Auth");
        Ended ended = await program.EndAsync();
        Assert.Equal("", ended.Errors);
        Assert.Equal(0, ended.ExitCode);
        Assert.Collection(
            ended.Lines,
            line => Assert.Equal("A client that doesn't trust the server's authority:", line),
            line => Assert.Matches(@"^  Unavailable: the TLS handshake with ipv4:127\.0\.0\.1:\d+ failed: the server's certificate 'CN=localhost' is not trusted: it leads to no authority that is trusted here$", line),
            line => Assert.Equal("One that does, but doesn't say who it is:", line),
            line => Assert.Equal("  Unauthenticated: show a certificate, or send a token", line),
            line => Assert.Equal("One with a certificate (mutual TLS):", line),
            line => Assert.Equal("  Hello ada, known by your certificate", line),
            line => Assert.Equal("One with a certificate that somebody else has issued:", line),
            line => Assert.Matches(@"^  Unavailable: the connection to ipv4:127\.0\.0\.1:\d+ broke: the server closed the connection right after the TLS handshake; does it require a client certificate, or not accept the one that it was shown\?$", line),
            line => Assert.Equal("One with a token (call credentials):", line),
            line => Assert.Equal("  Hello grace, known by your token", line),
            line => Assert.Equal("One with a wrong token:", line),
            line => Assert.Equal("  Unauthenticated: nobody has this token", line),
            line => Assert.Equal("The server's certificate is renewed while it runs; a new client sees the new one:", line),
            line => Assert.Equal("  Hello ada, known by your certificate", line));
    }
}
