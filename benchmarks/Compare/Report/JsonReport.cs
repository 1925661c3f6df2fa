using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using MiniGrpc.Benchmarks.Compare.Experiments;
using MiniGrpc.Benchmarks.Compare.Orchestration;

namespace MiniGrpc.Benchmarks.Compare.Report;

/// <summary>The same for programs, with every single sample.</summary>
internal static class JsonReport
{
    private static readonly JsonSerializerOptions s_format = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        WriteIndented = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static async Task WriteAsync(string path, Results results, BenchmarkOptions options)
    {
        await using FileStream file = File.Create(path);
        await JsonSerializer.SerializeAsync(
            file,
            new
            {
                Options = options,
                Machine = Machine.Describe(),
                results.Processes,
                Comparisons = Comparison.All(results.Samples),
                results.Samples,
                results.Notes,
                results.Failures,
            },
            s_format);
    }
}
