using System.CommandLine;
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
    private static readonly Option<int> s_port = new Option<int>("--server_port") { Description = "The server's TCP port.", Required = true }.Within(1, InteropProgram.LastPort);
    private static readonly Option<bool> s_useTls = new("--use_tls") { Description = "Connect with TLS." };
    private static readonly Option<bool> s_useTestCa = new("--use_test_ca") { Description = "Trust the authority in --ca_file instead of the system's." };
    private static readonly Option<FileInfo?> s_ca = new("--ca_file") { Description = "The authorities' certificates, as PEM." };

    private static readonly Option<string?> s_hostOverride = new("--server_host_override")
    {
        Description = "The name that the server's certificate has to be for, if it isn't --server_host.",
    };

    private static readonly Option<Metadata> s_metadata = new("--additional_metadata")
    {
        Description = "Metadata that every call is to have: name:value, several joined by semicolons. For a name that ends in -bin, the value's octets as they are, not base64.",
        DefaultValueFactory = _ => [],
        CustomParser = AdditionalMetadata.Parse,
    };

    private static readonly string s_cases =
        $"{string.Join(", ", InteropCase.All)}; at a server that breaks the rules: {string.Join(", ", InteropCase.Http2)}.";

    private static readonly Option<string> s_case = new Option<string>("--test_case")
    {
        Description = $"Which case: {s_cases}",
        DefaultValueFactory = _ => "large_unary",
    }.Checked(name => InteropCase.Find(name) is null ? $"There is no case '{name}'. There are: {s_cases}" : null);

    /// <summary>Runs the program.</summary>
    public static Task<int> RunAsync(IReadOnlyList<string> arguments, InvocationConfiguration configuration) =>
        InteropProgram.RunAsync(Create(), arguments, configuration);

    private static RootCommand Create()
    {
        var command = new RootCommand("Runs an official interoperability case against a server of any language.")
        {
            s_host, s_port, s_case, s_useTls, s_useTestCa, s_ca, s_hostOverride, s_metadata,
        };
        foreach (Option flag in SoakFlags.All)
        {
            command.Add(flag);
        }

        command.CheckTls(s_useTls, s_useTestCa, s_ca, s_hostOverride);
        command.Validators.Add(result =>
        {
            if (result.GetValue(s_useTls) && result.GetValue(s_useTestCa) && result.GetValue(s_ca) is null)
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
        TextWriter output = parsed.InvocationConfiguration.Output;
        ClientTls? tls = parsed.GetValue(s_useTls) ? Tls(parsed) : null;
        string address = $"{(tls is null ? "http" : "https")}://{parsed.GetValue(s_host)}:{parsed.GetValue(s_port)}";
        await using var run = new InteropRun(() => new MiniChannelUnderTest(address, tls, parsed.GetValue(s_metadata)!), SoakFlags.Read(parsed), output);
        try
        {
            await test.RunAsync(run);
        }
        catch (Exception e) when (e is InteropException or RpcException or TimeoutException)
        {
            await parsed.InvocationConfiguration.Error.WriteLineAsync($"{test}: failed. {e.Message}");
            return 1;
        }

        await output.WriteLineAsync($"{test}: passed ({(tls is null ? "plaintext" : "TLS")}).");
        return 0;
    }

    private static ClientTls Tls(ParseResult parsed)
    {
        X509Certificate2Collection? roots = parsed.GetValue(s_useTestCa) ? PemFiles.LoadRoots(parsed.GetValue(s_ca)!.FullName) : null;
        return new ClientTls { Roots = roots, TargetHost = parsed.GetValue(s_hostOverride) };
    }
}
