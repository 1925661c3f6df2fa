using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Reflection;
using MiniGrpc.Benchmarks.Compare.Experiments;
using MiniGrpc.Benchmarks.Compare.Orchestration;
using MiniGrpc.Benchmarks.Compare.Peers;
using MiniGrpc.Benchmarks.Compare.Report;

namespace MiniGrpc.Benchmarks.Compare;

/// <summary>The orchestrator: starts the processes, gives each pair its turns, and prints the outcome.</summary>
internal static class CompareCommand
{
    private static readonly Option<string[]> s_works = new Option<string[]>("--works")
    {
        Description = $"What to measure, of {string.Join(", ", Catalogue.All.Select(experiment => experiment.Name))}.",
        HelpName = "work",
        AllowMultipleArgumentsPerToken = true,
    }.AcceptOnlyFromAmong([.. Catalogue.All.Select(experiment => experiment.Name)]);

    private static readonly Option<string[]> s_clients = new Option<string[]>("--clients")
    {
        Description = "Which clients.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [.. Clients.Kinds],
    }.AcceptOnlyFromAmong([.. Clients.Kinds]);

    private static readonly Option<string[]> s_servers = new Option<string[]>("--servers")
    {
        Description = "Which servers.",
        AllowMultipleArgumentsPerToken = true,
        DefaultValueFactory = _ => [.. Servers.Kinds],
    }.AcceptOnlyFromAmong([.. Servers.Kinds]);

    private static readonly Option<int?> s_rounds = new("--rounds") { Description = "How often every pair has its turn (5; quick 3)." };
    private static readonly Option<double?> s_seconds = new("--seconds") { Description = "The length of one measurement (1.5; quick 1)." };
    private static readonly Option<double?> s_warmUp = new("--warmup") { Description = "Seconds of load, at least, before the first measurement of a pair; see --settle (7; quick 2)." };
    private static readonly Option<double?> s_settle = new("--settle") { Description = "Seconds that this may go on until the JIT has settled (20; quick 0)." };
    private static readonly Option<bool> s_quick = new("--quick") { Description = "About a minute: fewer works, shorter, and less settled." };
    private static readonly Option<bool> s_all = new("--all") { Description = "Every work, not only those that stand for the others." };
    private static readonly Option<bool> s_fresh = new("--fresh") { Description = "New processes, warmed up again, in every round." };
    private static readonly Option<bool> s_serverGc = new("--server-gc") { Description = "Server GC, for every process." };
    private static readonly Option<string?> s_serverCores = new("--server-cores") { Description = "The cores of the server, as taskset takes them." };
    private static readonly Option<string?> s_clientCores = new("--client-cores") { Description = "The cores of the client." };
    private static readonly Option<int?> s_processors = new("--processors") { Description = "How many processors the runtime is told that there are (what it sees)." };
    private static readonly Option<int?> s_poolSpins = new("--pool-spins") { Description = "How often an idle thread of the pool looks for work before it sleeps (as the runtime has it)." };
    private static readonly Option<FileInfo?> s_json = new("--json") { Description = "Write everything into a file as well." };

    public static RootCommand Create()
    {
        var command = new RootCommand("Compares MiniGrpc with Kestrel + Grpc.AspNetCore and with Grpc.Net.Client.")
        {
            s_works, s_clients, s_servers, s_rounds, s_seconds, s_warmUp, s_settle, s_quick, s_all, s_fresh, s_serverGc, s_serverCores, s_clientCores, s_processors,
            s_poolSpins, s_json,
        };
        ReportFiles.AddOptions(command);
        command.SetAction((arguments, _) => RunAsync(arguments));
        return command;
    }

    private static async Task<int> RunAsync(ParseResult arguments)
    {
        if (typeof(CompareCommand).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true })
        {
            await Console.Error.WriteLineAsync("This is a debug build, whose figures mean nothing: dotnet run -c Release --project benchmarks/Compare");
            return 1;
        }

        BenchmarkOptions options = OptionsFrom(arguments);
        List<IExperiment> experiments = Chosen(arguments);
        SayHowLong(experiments, options);
        var results = new Results();
        foreach (IExperiment experiment in experiments)
        {
            await results.TryAsync(experiment.Name, () => experiment.RunAsync(options, results));
        }

        TableReport.Write(results, options);
        if (arguments.GetValue(s_json) is FileInfo file)
        {
            await JsonReport.WriteAsync(file.FullName, results, options);
        }

        await ReportFiles.WriteAsync(arguments, results, options);
        return results.Failures.Count == 0 ? 0 : 1;
    }

    private static List<IExperiment> Chosen(ParseResult arguments)
    {
        if (arguments.GetValue(s_works) is { Length: > 0 } works)
        {
            return Catalogue.Named(works);
        }

        return arguments.GetValue(s_all) ? [.. Catalogue.All] : Catalogue.Named(arguments.GetValue(s_quick) ? Catalogue.Quick : Catalogue.Default);
    }

    private static void SayHowLong(List<IExperiment> experiments, BenchmarkOptions options)
    {
        double usual = experiments.Sum(experiment => experiment.Estimate(options).TotalMinutes);
        BenchmarkOptions unsettled = options with { WarmUp = options.WarmUp + options.Settle };
        double atMost = experiments.Sum(experiment => experiment.Estimate(unsettled).TotalMinutes);
        Results.Progress(string.Create(
            CultureInfo.InvariantCulture, $"{experiments.Count} works, about {usual:0.0} min; up to {atMost:0.0} if the JIT takes all the time that it may."));
    }

    private static BenchmarkOptions OptionsFrom(ParseResult arguments)
    {
        bool quick = arguments.GetValue(s_quick);
        return new BenchmarkOptions
        {
            Clients = arguments.GetRequiredValue(s_clients),
            Servers = arguments.GetRequiredValue(s_servers),
            Rounds = arguments.GetValue(s_rounds) ?? (quick ? 3 : 5),
            Length = TimeSpan.FromSeconds(arguments.GetValue(s_seconds) ?? (quick ? 1 : 1.5)),
            WarmUp = TimeSpan.FromSeconds(arguments.GetValue(s_warmUp) ?? (quick ? 2 : 7)),
            Settle = TimeSpan.FromSeconds(arguments.GetValue(s_settle) ?? (quick ? 0 : 20)),
            Fresh = arguments.GetValue(s_fresh),
            Processors = arguments.GetValue(s_processors),
            PoolSpins = arguments.GetValue(s_poolSpins),
            ServerGc = arguments.GetValue(s_serverGc),
            Cores = Cores.Choose(arguments.GetValue(s_serverCores), arguments.GetValue(s_clientCores)),
        };
    }
}
