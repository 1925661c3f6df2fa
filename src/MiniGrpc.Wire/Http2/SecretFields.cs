namespace MiniGrpc.Wire.Http2;

/// <summary>
/// Which fields hold secrets: they go into no HPACK table, since an attacker who can make us send fields beside them could
/// guess at them by the size of the block (RFC 7541 section 7.1.3), and are shown in no trace.
/// </summary>
internal static class SecretFields
{
    /// <summary>Whether the field called <paramref name="name"/> is one.</summary>
    public static bool Contains(string name) =>
        name is "authorization" or "proxy-authorization" or "cookie" or "set-cookie"
        || name.EndsWith("-token", StringComparison.Ordinal) || name.EndsWith("-key", StringComparison.Ordinal);
}
