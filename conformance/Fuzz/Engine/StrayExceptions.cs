namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>Collects exceptions of tasks that nobody looked at: an error that got lost on its way.</summary>
internal sealed class StrayExceptions : IDisposable
{
    private readonly List<Exception> _exceptions = [];

    public StrayExceptions() => TaskScheduler.UnobservedTaskException += OnStray;

    /// <summary>Takes what there is up to now.</summary>
    public Exception[] Take()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        lock (_exceptions)
        {
            Exception[] taken = [.. _exceptions];
            _exceptions.Clear();
            return taken;
        }
    }

    /// <summary>Prints them; answers whether there were any.</summary>
    public bool Report()
    {
        Exception[] taken = Take();
        foreach (Exception exception in taken)
        {
            Console.Error.WriteLine($"An exception that nobody looked at: {exception}");
        }

        return taken.Length > 0;
    }

    public void Dispose() => TaskScheduler.UnobservedTaskException -= OnStray;

    private void OnStray(object? sender, UnobservedTaskExceptionEventArgs arguments)
    {
        lock (_exceptions)
        {
            _exceptions.Add(arguments.Exception);
        }

        arguments.SetObserved();
    }
}
