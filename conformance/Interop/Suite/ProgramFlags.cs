using System.CommandLine;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Grpc.Core;
using MiniGrpc.Conformance.Interop.Calls;
using MiniGrpc.Conformance.Interop.Peers;
using MiniGrpc.Conformance.InteropClient;
using MiniGrpc.Conformance.InteropServer;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>What the interoperability programs say to whoever starts them. What is wrong is one line, and the exit code 1.</summary>
public sealed class ProgramFlags
{
    private const string Missing = "/no/such/file.pem";

    private static readonly string[] s_soak = ["--test_case", "rpc_soak"];

    public static TheoryData<string[], string> WrongForClient => new()
    {
        { [], "Option '--server_port' is required." },
        { ["--server_port", "x"], "Cannot parse argument 'x' for option '--server_port' as expected type 'System.Int32'." },
        { ["--server_port", "0"], "--server_port is 0; expected 1 to 65535." },
        { ["--server_port", "65536"], "--server_port is 65536; expected 1 to 65535." },
        { ToPort("--server_host", "a/b"), "'http://a/b:1': an address has no path; expected http://host:port" },
        { ToPort("--additional_metadata", "a:b;C D:e"), "'C D:e' is no metadata: Metadata entry key not valid." },
        { ToPort("--additional_metadata", "a:b;c"), "'c' is no metadata: write name:value." },
        { ToPort("--additional_metadata", "a:\u00e9"), "'a:\u00e9' is no metadata: text values are visible ASCII and space." },
        { ToPort("--use_test_ca"), "Without --use_tls there is no use for --use_test_ca." },
        { ToPort("--ca_file", Missing, "--server_host_override", "x"), "Without --use_tls there is no use for --ca_file, --server_host_override." },
        { ToPort("--use_tls", "--use_test_ca"), "--use_test_ca needs --ca_file." },
        { ToPort("--use_tls", "--use_test_ca", "--ca_file", Missing), "Could not find a part of the path '/no/such/file.pem'." },
        { ToPort("--use_tls", "--use_test_ca", "--ca_file", Path.GetTempPath()), "Access to the path " },
        { ToPort("--use_tls", "--use_test_ca", "--ca_file", PemFolder.ServerKey), $"'{PemFolder.ServerKey}' holds no certificate in PEM form" },
        { ToPort("--soak_iterations", "0"), "--soak_iterations is 0; expected 1 or more." },
        { ToPort("--soak_max_failures", "-1"), "--soak_max_failures is -1; expected 0 or more." },
        { ToPort("--soak_per_iteration_max_acceptable_latency_ms", "-1"), "--soak_per_iteration_max_acceptable_latency_ms is -1; expected 0 or more." },
        { ToPort("--soak_min_time_ms_between_rpcs", "-1"), "--soak_min_time_ms_between_rpcs is -1; expected 0 or more." },
        { ToPort("--soak_overall_timeout_seconds", "-1"), "--soak_overall_timeout_seconds is -1; expected 0 or more." },
        { ToPort("--soak_request_size", "-1"), "--soak_request_size is -1; expected 0 to 1073741824." },
        { ToPort("--soak_response_size", "-1"), "--soak_response_size is -1; expected 0 to 1073741824." },
    };

    public static TheoryData<string[], string> WrongForServer => new()
    {
        { ["--port", "-1"], "--port is -1; expected 0 to 65535." },
        { ["--port", "65536"], "--port is 65536; expected 0 to 65535." },
        { OnPort("--http2_case", "nope"), "There is no case 'nope'. There are: goaway, " },
        { OnPort("--tls_cert_file", PemFolder.ServerCertificate, "--tls_key_file", PemFolder.ServerKey), "Without --use_tls there is no use for --tls_cert_file, --tls_key_file." },
        { OnPort("--use_tls", "--tls_cert_file", PemFolder.ServerCertificate), "--use_tls needs --tls_cert_file and --tls_key_file." },
        { OverTls(Missing, PemFolder.ServerKey), "Could not find a part of the path '/no/such/file.pem'." },
        { OverTls(PemFolder.ServerCertificate, Path.GetTempPath()), "Access to the path " },
        { OverTls(PemFolder.ServerKey, PemFolder.ServerKey), $"'{PemFolder.ServerKey}' holds no certificate in PEM form" },
        { OverTls(PemFolder.ServerCertificate, PemFolder.ClientKey), $"'{PemFolder.ClientKey}' is not the key of the certificate in '{PemFolder.ServerCertificate}'" },
    };

    [Theory]
    [MemberData(nameof(WrongForClient), DisableDiscoveryEnumeration = true)]
    public async Task The_client_says_what_is_wrong(string[] flags, string complaint) => AssertRefused(complaint, await RunClientAsync(flags));

    [Theory]
    [MemberData(nameof(WrongForServer), DisableDiscoveryEnumeration = true)]
    public async Task The_server_says_what_is_wrong(string[] flags, string complaint) => AssertRefused(complaint, await RunServerAsync(flags));

    [Fact]
    public async Task A_case_that_is_not_there_is_answered_with_those_that_are()
    {
        Run run = await RunClientAsync(ToPort("--test_case", "nope"));
        AssertRefused("There is no case 'nope'. There are: empty_unary, ", run);
        Assert.EndsWith("channel_soak; at a server that breaks the rules: goaway, rst_after_header, rst_during_data, rst_after_data, ping, max_streams, data_frame_padding, no_df_padding_sanity.", Assert.Single(run.Errors), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_port_in_use_is_said_to_be()
    {
        using var listener = new TcpListener(IPAddress.Any, 0);
        listener.Start();
        string port = ((IPEndPoint)listener.LocalEndpoint).Port.ToString(CultureInfo.InvariantCulture);
        foreach (string[] flags in new string[][] { [], ["--http2_case", "ping"] })
        {
            Run run = await RunServerAsync(["--port", port, .. flags]);
            AssertRefused("can't listen on ip", run);
            Assert.EndsWith($":{port}: the address is in use by another process or listener", Assert.Single(run.Errors), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData(false, "large_unary: passed (plaintext).")]
    [InlineData(true, "large_unary: passed (TLS).")]
    public async Task The_client_says_over_what_a_case_has_passed(bool tls, string verdict)
    {
        await using IRunningServer server = await ServeAsync(tls);
        Run run = await RunClientAsync(
            [.. At(server), "--additional_metadata", "x-a:b;x-c-bin:AAA", .. tls ? (string[])["--use_tls", "--use_test_ca", "--ca_file", PemFolder.Authority] : []]);
        Assert.Empty(run.Errors);
        Assert.Equal((0, verdict), (run.Code, Assert.Single(run.Lines)));
    }

    /// <summary>As the official scripts write it.</summary>
    [Fact]
    public async Task Flags_of_tls_are_taken_where_it_is_said_that_there_is_none()
    {
        await using IRunningServer server = await ServeAsync(tls: false);
        Run run = await RunClientAsync([.. At(server), "--use_tls=false", "--use_test_ca=true", "--server_host_override=foo.test.google.fr"]);
        Assert.Empty(run.Errors);
        Assert.Equal("large_unary: passed (plaintext).", Assert.Single(run.Lines));
    }

    [Fact]
    public async Task A_soak_tells_how_many_calls_it_made_and_how_long_they_took()
    {
        await using IRunningServer server = await ServeAsync(tls: false);
        Run run = await RunClientAsync(
        [
            .. At(server), .. s_soak, "--soak_iterations", "3", "--soak_request_size", "10", "--soak_response_size", "0", "--soak_min_time_ms_between_rpcs", "1",
            "--soak_per_iteration_max_acceptable_latency_ms", "100000", "--soak_overall_timeout_seconds", "100",
        ]);
        Assert.Empty(run.Errors);
        Assert.Equal(2, run.Lines.Length);
        Assert.Matches(@"^3 calls were made\. Latency: median \d+\.\d ms, largest \d+\.\d ms\.$", run.Lines[0]);
        Assert.Equal("rpc_soak: passed (plaintext).", run.Lines[1]);
    }

    /// <summary>No call takes no time at all.</summary>
    [Fact]
    public async Task A_soak_with_many_failures_tells_some_and_how_many_more_there_are()
    {
        await using IRunningServer server = await ServeAsync(tls: false);
        Run run = await RunClientAsync(
            [.. At(server), .. s_soak, "--soak_iterations", "7", "--soak_per_iteration_max_acceptable_latency_ms", "0", "--soak_overall_timeout_seconds", "100"]);
        Assert.Equal(1, run.Code);
        Assert.StartsWith("7 calls were made.", Assert.Single(run.Lines), StringComparison.Ordinal);
        string complaint = Assert.Single(run.Errors);
        Assert.StartsWith("rpc_soak: failed. 7 calls failed or were too slow, 0 may: call 0 took ", complaint, StringComparison.Ordinal);
        Assert.EndsWith("; and 2 more.", complaint, StringComparison.Ordinal);
        Assert.DoesNotContain("call 5", complaint, StringComparison.Ordinal);
    }

    [Fact]
    public void Metadata_of_binary_names_is_the_octets_of_its_text()
    {
        var option = new Option<Metadata>("--additional_metadata") { CustomParser = AdditionalMetadata.Parse };
        Metadata metadata = new RootCommand { option }.Parse([option.Name, "x-a:b:c;X-B-bin:AAA"]).GetRequiredValue(option);
        Assert.Equal(2, metadata.Count);
        Assert.Equal("b:c", metadata.GetValue("x-a"));
        Assert.Equal("AAA"u8.ToArray(), metadata.GetValueBytes("x-b-bin"));
    }

    private static string[] ToPort(params string[] flags) => ["--server_port", "1", .. flags];

    private static string[] OnPort(params string[] flags) => ["--port", "0", .. flags];

    private static string[] OverTls(string certificate, string key) => OnPort("--use_tls", "--tls_cert_file", certificate, "--tls_key_file", key);

    private static string[] At(IRunningServer server) => ["--server_port", server.Address.Port.ToString(CultureInfo.InvariantCulture)];

    private static Task<IRunningServer> ServeAsync(bool tls) => new SuitePair(ClientIsOurs: true, ServerIsOurs: true, tls ? Transport.Tls : Transport.Tcp).ServeAsync();

    private static void AssertRefused(string complaint, Run run)
    {
        Assert.Empty(run.Lines);
        Assert.StartsWith(complaint, Assert.Single(run.Errors), StringComparison.Ordinal);
        Assert.Equal(1, run.Code);
    }

    private static Task<Run> RunClientAsync(string[] flags) => RunAsync(configuration => InteropClientCommand.RunAsync(flags, configuration));

    private static Task<Run> RunServerAsync(string[] flags) => RunAsync(configuration => InteropServerCommand.RunAsync(flags, configuration));

    private static async Task<Run> RunAsync(Func<InvocationConfiguration, Task<int>> program)
    {
        var output = new StringWriter();
        var errors = new StringWriter();

        // The signals of the tests' own process are not for the program.
        int code = await program(new InvocationConfiguration { Output = output, Error = errors, ProcessTerminationTimeout = null }).WithinLimit("the end of the program");
        return new Run(code, Lines(output), Lines(errors));
    }

    private static string[] Lines(StringWriter writer) => writer.ToString().Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);

    /// <summary>How a program ended.</summary>
    private sealed record Run(int Code, string[] Lines, string[] Errors);
}
