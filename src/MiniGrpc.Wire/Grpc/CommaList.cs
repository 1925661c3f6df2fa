namespace MiniGrpc.Wire.Grpc;

/// <summary>
/// The parts of a field value that is a list, such as "identity, gzip": separated by commas, optional spaces and tabs
/// around each dropped (RFC 9110 section 5.6.1). Empty parts are kept; a value without a comma is one part.
/// </summary>
internal readonly ref struct CommaList(ReadOnlySpan<byte> value)
{
    private readonly ReadOnlySpan<byte> _value = value;

    /// <summary>For <c>foreach</c>.</summary>
    public Enumerator GetEnumerator() => new(_value);

    /// <summary>Walks over the parts without copying them.</summary>
    internal ref struct Enumerator(ReadOnlySpan<byte> value)
    {
        private ReadOnlySpan<byte> _rest = value;
        private bool _ended;

        /// <summary>The part that <see cref="MoveNext"/> found.</summary>
        public ReadOnlySpan<byte> Current { get; private set; }

        /// <summary>Goes to the next part.</summary>
        public bool MoveNext()
        {
            if (_ended)
            {
                return false;
            }

            int comma = _rest.IndexOf((byte)',');
            _ended = comma < 0;
            Current = (_ended ? _rest : _rest[..comma]).Trim(" \t"u8);
            _rest = _ended ? default : _rest[(comma + 1)..];
            return true;
        }
    }
}
