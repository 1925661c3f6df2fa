using System.Text;

namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// The compressions that one end of a connection understands, in order of preference (gRPC compression.md).
/// Their names go out as <c>grpc-accept-encoding</c>; the name that comes in as <c>grpc-encoding</c> is looked up here.
/// </summary>
/// <remarks>
/// Immutable, and thus shared by all calls. Names are compared without case, as content codings are
/// (RFC 9110 section 8.4.1). Sets are small, so a look-up walks through them.
/// </remarks>
internal sealed class CompressionSet
{
    /// <summary>No compression at all.</summary>
    public static readonly CompressionSet Empty = new([]);

    private const string Identity = "identity";

    private readonly List<ICompressionProvider> _providers;
    private readonly byte[] _acceptEncoding;

    /// <summary>Takes the providers that a program named.</summary>
    /// <exception cref="ArgumentException">A name is unfit for the header field, is "identity", or stands twice.</exception>
    public CompressionSet(IEnumerable<ICompressionProvider> providers)
    {
        _providers = [.. providers];
        var acceptEncoding = new StringBuilder(Identity);
        for (int i = 0; i < _providers.Count; i++)
        {
            CheckName(i);
            acceptEncoding.Append(',').Append(_providers[i].EncodingName);
        }

        _acceptEncoding = Encoding.ASCII.GetBytes(acceptEncoding.ToString());
    }

    /// <summary>The value of <c>grpc-accept-encoding</c>, such as "identity,gzip,deflate".</summary>
    public ReadOnlyMemory<byte> AcceptEncoding => _acceptEncoding;

    /// <summary>The provider named <paramref name="encoding"/>; null when there is none, and for "identity".</summary>
    public ICompressionProvider? Find(ReadOnlySpan<byte> encoding)
    {
        foreach (ICompressionProvider provider in _providers)
        {
            if (Ascii.EqualsIgnoreCase(encoding, provider.EncodingName))
            {
                return provider;
            }
        }

        return null;
    }

    /// <summary>Whether <paramref name="encoding"/> means that messages stand as they are: "identity", or no field at all.</summary>
    public static bool IsIdentity(ReadOnlySpan<byte> encoding) => encoding.IsEmpty || Ascii.EqualsIgnoreCase(encoding, Identity);

    /// <summary>
    /// Whether a peer that sent <paramref name="acceptEncoding"/> understands <paramref name="encodingName"/>. A message that
    /// was to be compressed in a way the peer does not understand is sent as it is.
    /// </summary>
    public static bool IsAccepted(ReadOnlySpan<byte> acceptEncoding, string encodingName)
    {
        foreach (ReadOnlySpan<byte> accepted in new CommaList(acceptEncoding))
        {
            if (Ascii.EqualsIgnoreCase(accepted, encodingName))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>
    /// The status of a call whose messages are compressed in a way that is not in this set. The answer carries
    /// <see cref="AcceptEncoding"/>.
    /// </summary>
    /// <param name="encoding">The peer's <c>grpc-encoding</c>.</param>
    /// <param name="onServer">
    /// True where a client used what the server does not have: UNIMPLEMENTED. False where a server used what the client never
    /// offered: INTERNAL.
    /// </param>
    public GrpcError Unsupported(ReadOnlySpan<byte> encoding, bool onServer) => new(
        onServer ? GrpcStatusCode.Unimplemented : GrpcStatusCode.Internal,
        $"grpc-encoding {GrpcError.Quote(encoding)} is not supported; these are: {Encoding.ASCII.GetString(_acceptEncoding)}.");

    private void CheckName(int index)
    {
        string name = _providers[index].EncodingName;
        bool isToken = name.Length > 0 && !name.AsSpan().ContainsAnyExceptInRange('!', '~') && !name.AsSpan().Contains(',');
        if (!isToken || Ascii.EqualsIgnoreCase(name, Identity))
        {
            throw new ArgumentException($"\"{name}\" can't be the name of a compression.");
        }

        for (int other = 0; other < index; other++)
        {
            if (Ascii.EqualsIgnoreCase(name, _providers[other].EncodingName))
            {
                throw new ArgumentException($"The compression \"{name}\" is named twice.");
            }
        }
    }
}
