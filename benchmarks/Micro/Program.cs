// What single steps cost, in time and memory: dotnet run -c Release --project benchmarks/Micro -- --filter '*'
using BenchmarkDotNet.Running;

BenchmarkSwitcher.FromAssembly(typeof(Program).Assembly).Run(args);
