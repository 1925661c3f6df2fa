using System.Net.Sockets;

namespace MiniGrpc.Conformance.Wire.Architecture;

/// <summary>
/// Code that breaks every rule, in every place where a type can be named. It never runs; the walk must find all of it, or
/// the tests on src/ prove nothing.
/// </summary>
internal abstract class Planted : Planted.IClock<DateTime>
{
    internal readonly List<Socket[]> Field = [];

    internal interface IClock<T>;

    internal abstract void Signature(CancellationToken token);

    internal abstract T Constraint<T>()
        where T : TimeProvider;

    internal static long StaticCall() => Environment.TickCount64;

    internal static object Lambda() => () => Thread.Yield();

    internal static object TypeOf() => typeof(Monitor);

    internal static bool Cast(object value) => value is Timer;

    internal static object TypeArgument() => Array.Empty<Dictionary<int, System.IO.Pipelines.Pipe>>();

    internal static async void AsyncMethod(Func<System.Runtime.CompilerServices.YieldAwaitable> wait) => await wait();

    internal static object MemberSignature(Stream stream) => stream.FlushAsync();

    internal static IEnumerable<bool> Iterator(string path)
    {
        yield return File.Exists(path);
    }

    internal static void Catch(Action action)
    {
        try
        {
            action();
        }
        catch (SocketException)
        {
            action();
        }
    }

    internal static string Switch(int value) => value switch
    {
        0 => "zero",
        1 => "one",
        2 => "two",
        3 => "three",
        4 => "four",
        5 => "five",
        6 => "six",
        _ => Grpc.Core.Status.DefaultSuccess.Detail,
    };
}
