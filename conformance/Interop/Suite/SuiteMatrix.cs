using System.Text;
using MiniGrpc.Conformance.InteropClient.Cases;

namespace MiniGrpc.Conformance.Interop.Suite;

/// <summary>
/// Which official case is run between whom: the one list that the tests take their rows from and docs/interop.md is made of. A case that is
/// missing, or missing without TLS, says why.
/// </summary>
internal static class SuiteMatrix
{
    /// <summary>HttpClient stops in the middle of it.</summary>
    public const string NotForHttpClient = "data_frame_padding";

    private const string NoFlag = "its API doesn't tell whether a message came compressed";
    private const string NoCompression = "it can't choose the compression of a single message";
    private const string OneSoak = "its program makes its calls on one channel";
    private const string NoPlaintext = "it refuses call credentials on a connection without TLS";

    /// <summary>Everything.</summary>
    private static readonly Dictionary<string, string> s_none = [];

    private static readonly Dictionary<string, string> s_noCredentials = new() { ["per_rpc_creds"] = NoPlaintext };

    /// <summary>Each pair, in the order of the table.</summary>
    public static IReadOnlyList<Column> Columns { get; } =
    [
        new("MiniGrpc", "MiniGrpc", s_none),
        new("MiniGrpc", "Grpc.AspNetCore", s_none),
        new("MiniGrpc", "Python", new() { ["client_compressed_unary"] = NoFlag, ["client_compressed_streaming"] = NoFlag }),
        new("MiniGrpc", "Node.js", Without(NoCompression)),
        new("MiniGrpc", "Go", new() { ["server_compressed_unary"] = NoCompression, ["server_compressed_streaming"] = NoCompression }),
        new("Grpc.Net.Client", "MiniGrpc", s_none),
        new("Python", "MiniGrpc", new()
        {
            ["client_compressed_unary"] = NoCompression,
            ["client_compressed_streaming"] = NoCompression,
            ["server_compressed_unary"] = NoFlag,
            ["server_compressed_streaming"] = NoFlag,
            ["channel_soak"] = OneSoak,
        }) { MissingInPlaintext = s_noCredentials },
        new("Node.js", "MiniGrpc", new(Without(NoCompression)) { ["channel_soak"] = OneSoak }) { MissingInPlaintext = s_noCredentials },
        new("Go", "MiniGrpc", s_none),
    ];

    /// <summary>The column of a pair.</summary>
    public static Column Find(string client, string server) => Columns.Single(column => column.Client == client && column.Server == server);

    /// <summary>The page.</summary>
    public static string ToMarkdown()
    {
        var page = new StringBuilder();
        page.AppendLine("# Interoperability");
        page.AppendLine();
        page.AppendLine("The official interoperability cases of gRPC, each between the client named first and the server named second, over plaintext and over TLS.");
        page.AppendLine("This page is made of the list that the tests take their rows from: each ✓ is a test that passes. `dotnet test --project conformance/Interop` runs them all.");
        page.AppendLine();
        page.AppendLine("Python is `grpcio`, which is gRPC's C core; Node.js is `@grpc/grpc-js`, all of it JavaScript; Go is `google.golang.org/grpc`, in the version that Debian 12 has (1.33).");
        page.AppendLine();
        List<string> reasons = [];
        AppendTable(page, "case", Columns.Select(column => $"{column.Client} → {column.Server}"), InteropCase.All, (test, i) => Cell(test.Name, Columns[i], reasons));
        page.AppendLine();
        for (int i = 0; i < reasons.Count; i++)
        {
            page.AppendLine($"{i + 1}. {reasons[i]}.");
        }

        page.AppendLine();
        page.AppendLine("## A server that breaks the rules");
        page.AppendLine();
        page.AppendLine("The official negative HTTP/2 cases, over plaintext and over TLS: what a client makes of such a server. Both programs are given the same case:");
        page.AppendLine();
        page.AppendLine("```");
        page.AppendLine("dotnet run --project conformance/InteropServer -- --http2_case goaway --port 10000");
        page.AppendLine("dotnet run --project conformance/InteropClient -- --test_case goaway --server_port 10000");
        page.AppendLine("```");
        page.AppendLine();
        page.AppendLine("The client's case can't see whether the server really misbehaved: but for the three with `rst`, which ask for calls that fail, they pass at a server that behaves as well.");
        page.AppendLine();
        AppendTable(page, "case", ["MiniGrpc", "Grpc.Net.Client"], InteropCase.Http2, (test, i) => i == 1 && test.Name == NotForHttpClient ? "stops in the middle" : "✓");
        page.AppendLine();
        page.AppendLine("## Go's own HTTP/2");
        page.AppendLine();
        page.AppendLine("`buf curl` (connect-go, on the HTTP/2 of Go's standard library, where grpc-go has a transport of its own) calls a MiniGrpc server: all four kinds, over plaintext and TLS, and a failing call.");
        page.AppendLine();
        page.AppendLine("## Against others");
        page.AppendLine();
        page.AppendLine("The programs can be run against any other implementation:");
        page.AppendLine();
        page.AppendLine("```");
        page.AppendLine("dotnet run --project conformance/InteropServer -- --port 10000");
        page.AppendLine("dotnet run --project conformance/InteropClient -- --server_host localhost --server_port 10000 --test_case large_unary");
        page.AppendLine("```");
        page.AppendLine();
        page.AppendLine("With TLS, the server takes `--use_tls --tls_cert_file FILE --tls_key_file FILE`, the client `--use_tls --use_test_ca --ca_file FILE --server_host_override NAME`.");
        page.AppendLine();
        page.AppendLine("They take the flags that [gRPC's description of the cases](https://github.com/grpc/grpc/blob/master/doc/interop-test-descriptions.md) names, but for the client's `--soak_num_threads` (a soak makes one call at a time), `--service_config_json`, `--google_c2p_universe_domain`, `--default_service_account`, `--oauth_scope` and `--service_account_key_file`, and the server's `--address_type` (it listens on IPv4 and IPv6). The value of an `--additional_metadata` whose name ends in `-bin` is the octets of its text, not base64, as in the official clients in Go and C++; the one in Java takes no such names.");
        page.AppendLine();
        page.AppendLine("Left out: the cases of ORCA load reports and of Google's cloud credentials, which need services that are not part of this project.");
        return page.ToString();
    }

    private static Dictionary<string, string> Without(string reason) => new()
    {
        ["client_compressed_unary"] = reason,
        ["server_compressed_unary"] = reason,
        ["client_compressed_streaming"] = reason,
        ["server_compressed_streaming"] = reason,
    };

    private static string Cell(string name, Column column, List<string> reasons)
    {
        if (column.Missing.TryGetValue(name, out string? reason))
        {
            return Note($"Not run: {reason}", reasons);
        }

        return column.MissingInPlaintext.TryGetValue(name, out reason) ? $"✓ {Note($"Over TLS alone: {reason}", reasons)}" : "✓";
    }

    private static string Note(string reason, List<string> reasons)
    {
        if (!reasons.Contains(reason))
        {
            reasons.Add(reason);
        }

        return $"<sup>{reasons.IndexOf(reason) + 1}</sup>";
    }

    private static void AppendTable(StringBuilder page, string corner, IEnumerable<string> columns, IEnumerable<InteropCase> rows, Func<InteropCase, int, string> cell)
    {
        string[] heads = [.. columns];
        page.AppendLine($"| {corner} | {string.Join(" | ", heads)} |");
        page.AppendLine($"| --- |{string.Concat(heads.Select(_ => " --- |"))}");
        foreach (InteropCase row in rows)
        {
            page.AppendLine($"| {row} | {string.Join(" | ", heads.Select((_, i) => cell(row, i)))} |");
        }
    }

    /// <summary>A client and a server.</summary>
    /// <param name="Client">Whose client.</param>
    /// <param name="Server">Whose server.</param>
    /// <param name="Missing">The cases that are not run, and why.</param>
    internal sealed record Column(string Client, string Server, Dictionary<string, string> Missing)
    {
        /// <summary>The cases that are run over TLS alone, and why.</summary>
        public Dictionary<string, string> MissingInPlaintext { get; init; } = s_none;

        /// <summary>The cases that are run.</summary>
        public IEnumerable<InteropCase> Cases(bool tls) =>
            InteropCase.All.Where(test => !Missing.ContainsKey(test.Name) && (tls || !MissingInPlaintext.ContainsKey(test.Name)));
    }
}
