using MiniGrpc.Wire.Hpack;

namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Header fields that are the same in every block they stand in, such as a response's <c>:status</c> and
/// <c>content-type</c>. Fast path 1 of the engine: an encoder puts them into its dynamic table once, and from then on the
/// octets of the block (one or two for each field) are replayed for as long as the table stays as it is.
/// </summary>
/// <remarks>Immutable after construction; shared by all connections, compared by reference.</remarks>
internal sealed class PreparedFields
{
    /// <summary>Creates a block of <paramref name="fields"/>; all of them are offered to the dynamic table.</summary>
    public PreparedFields(params ReadOnlySpan<(string Name, string Value)> fields)
    {
        foreach ((string name, string value) in fields)
        {
            Fields.Add(System.Text.Encoding.ASCII.GetBytes(name), System.Text.Encoding.UTF8.GetBytes(value), Indexing.Incremental);
        }

        Fields.LeavePool();
    }

    /// <summary>The fields, for the plain path and for tests.</summary>
    public HeaderList Fields { get; } = new();
}
