using System.Runtime;

namespace MiniGrpc.Benchmarks.Compare.Control;

/// <summary>What this process holds on to, once everything that can go has gone.</summary>
internal static class MemoryMeter
{
    public static MemoryUse Read()
    {
        // Finalizers let go of more; an aggressive collection gives the emptied regions back to the system as well.
        for (int i = 0; i < 3; i++)
        {
            GCSettings.LargeObjectHeapCompactionMode = GCLargeObjectHeapCompactionMode.CompactOnce;
            GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            GC.WaitForPendingFinalizers();
        }

        return new MemoryUse { HeapBytes = GC.GetTotalMemory(forceFullCollection: false), ResidentBytes = Environment.WorkingSet };
    }
}
