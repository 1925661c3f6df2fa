using System.CommandLine;
using System.CommandLine.Parsing;
using System.Security.Cryptography.X509Certificates;
using Grpc.Core;
using MiniGrpc.Client;
using MiniGrpc.Conformance.InteropClient.Cases;
using MiniGrpc.Wire;

namespace MiniGrpc.Conformance.InteropClient;

/// <summary>The command line, with the flags that the official interoperability clients have.</summary>
internal static class InteropClientCommand
{
    private static readonly Option<string> s_host = new("--server_host") { Description = "The server's name or address.", DefaultValueFactory = _ => "localhost" };
    private static readonly Option<int> s_port = new("--server_port") { Description = "The server's TCP port.", Required = true };
    private static readonly Option<bool> s_useTls = new("--use_tls") { Description = "Connect with TLS." };
    private static readonly Option<bool> s_useTestCa = new("--use_test_ca") { Description = "Trust the authority in --ca_file instead of the system's." };
    private static readonly Option<FileInfo?> s_ca = new("--ca_file") { Description = "The authorities' certificates, as PEM." };

    private static readonly Option<string?> s_hostOverride = new("--server_host_override")
    {
        Description = "The name that the server's certificate has to be for, if it isn't --server_host.",
    };

    private static readonly Option<Metadata> s_metadata = new("--additional_metadata")
    {
        Description = "Metadata that every call is to have: name:value, several joined by semicolons.",
        DefaultValueFactory = _ => [],
        CustomParser = ParseMetadata,
    };

    private static readonly Option<string> s_case = new("--test_case")
    {
        Description = $"Which case: {string.Join(", ", InteropCase.All)}; at a server that breaks the rules: {string.Join(", ", InteropCase.Http2)}.",
        DefaultValueFactory = _ => "large_unary",
    };

    private static readonly Option<int> s_iterations = new("--soak_iterations") { Description = "The soaks' number of calls.", DefaultValueFactory = _ => SoakSettings.Default.Iterations };
    private static readonly Option<int> s_failures = new("--soak_max_failures") { Description = "How many of them may fail.", DefaultValueFactory = _ => SoakSettings.Default.MaxFailures };

    private static readonly Option<int> s_latency = new("--soak_per_iteration_max_acceptable_latency_ms")
    {
        Description = "A call that takes longer counts as failed, in milliseconds.",
        DefaultValueFactory = _ => (int)SoakSettings.Default.MaxLatency.TotalMilliseconds,
    };

    private static readonly Option<int> s_timeout = new("--soak_overall_timeout_seconds")
    {
        Description = "What all calls together may take, in seconds.",
        DefaultValueFactory = _ => (int)SoakSettings.Default.Timeout.TotalSeconds,
    };

    public static RootCommand Create()
    {
        s_case.Validators.Add(result =>
        {
            if (InteropCase.Find(result.GetValueOrDefault<string>()) is null)
            {
                result.AddError($"There is no case '{result.GetValueOrDefault<string>()}'. There are: {string.Join(", ", InteropCase.All)}.");
            }
        });
        var command = new RootCommand("Runs an official interoperability case against a server of any language.")
        {
            s_host, s_port, s_case, s_useTls, s_useTestCa, s_ca, s_hostOverride, s_metadata, s_iterations, s_failures, s_latency, s_timeout,
        };
        command.Validators.Add(result =>
        {
            if (result.GetValue(s_useTestCa) && result.GetValue(s_ca) is null)
            {
                result.AddError("--use_test_ca needs --ca_file.");
            }
        });
        command.SetAction((parsed, _) => RunAsync(parsed));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult parsed)
    {
        InteropCase test = InteropCase.Find(parsed.GetValue(s_case)!)!;
        ClientTls? tls = parsed.GetValue(s_useTls) ? Tls(parsed) : null;
        string address = $"{(tls is null ? "http" : "https")}://{parsed.GetValue(s_host)}:{parsed.GetValue(s_port)}";
        var soak = new SoakSettings(
            parsed.GetValue(s_iterations),
            parsed.GetValue(s_failures),
            TimeSpan.FromMilliseconds(parsed.GetValue(s_latency)),
            TimeSpan.FromSeconds(parsed.GetValue(s_timeout)));
        await using var run = new InteropRun(() => new MiniChannelUnderTest(address, tls, parsed.GetValue(s_metadata)!), soak);
        try
        {
            await test.RunAsync(run);
        }
        catch (Exception e) when (e is InteropException or RpcException or TimeoutException)
        {
            await Console.Error.WriteLineAsync($"{test}: failed. {e.Message}");
            return 1;
        }

        Console.WriteLine($"{test}: passed.");
        return 0;
    }

    private static ClientTls Tls(ParseResult parsed)
    {
        X509Certificate2Collection? roots = parsed.GetValue(s_useTestCa) ? PemFiles.LoadRoots(parsed.GetValue(s_ca)!.FullName) : null;
        return new ClientTls { Roots = roots, TargetHost = parsed.GetValue(s_hostOverride) };
    }

    private static Metadata ParseMetadata(ArgumentResult result)
    {
        var metadata = new Metadata();
        foreach (string entry in result.Tokens.SelectMany(token => token.Value.Split(';', StringSplitOptions.RemoveEmptyEntries)))
        {
            int colon = entry.IndexOf(':', StringComparison.Ordinal);
            if (colon <= 0)
            {
                result.AddError($"'{entry}' is no metadata: write name:value.");
                break;
            }

            metadata.Add(entry[..colon], entry[(colon + 1)..]);
        }

        return metadata;
    }
}
