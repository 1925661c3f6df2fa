namespace MiniGrpc.Conformance.Fuzz.Engine;

/// <summary>
/// Changes an input that is a sequence of records, such as frames or header blocks: they are repeated, dropped, moved,
/// taken from another input, or changed inside.
/// </summary>
internal static class RecordMutator
{
    /// <summary>A few changes, one on top of the other.</summary>
    /// <param name="records">The records, which are changed in place.</param>
    /// <param name="others">Records of another input.</param>
    /// <param name="random">Decides.</param>
    /// <param name="tweak">Changes one record.</param>
    /// <param name="create">Makes a new one.</param>
    public static void Mutate(
        List<byte[]> records, List<byte[]> others, Random random, Func<byte[], Random, byte[]> tweak, Func<Random, byte[]> create)
    {
        int changes = 1 + random.Next(4);
        for (int i = 0; i < changes; i++)
        {
            int at = random.Next(records.Count + 1);
            bool isRecord = at < records.Count;
            switch (random.Next(10))
            {
                case 0 when isRecord:
                    records.RemoveAt(at);
                    break;
                case 1 when isRecord:
                    records.Insert(random.Next(records.Count + 1), records[at]);
                    break;
                case 2 when isRecord:
                    byte[] moved = records[at];
                    records.RemoveAt(at);
                    records.Insert(random.Next(records.Count + 1), moved);
                    break;
                case 3 when others.Count > 0:
                    int from = random.Next(others.Count);
                    records.InsertRange(at, others.GetRange(from, int.Min(others.Count - from, 1 + random.Next(4))));
                    break;
                case 4:
                    records.Insert(at, create(random));
                    break;
                case 5 when isRecord && random.Next(4) == 0:
                    records.RemoveRange(at, records.Count - at);
                    break;
                default:
                    if (isRecord)
                    {
                        records[at] = tweak(records[at], random);
                    }

                    break;
            }
        }
    }
}
