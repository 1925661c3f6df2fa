using System.Diagnostics;
using System.Text;

using Grpc.Core;

using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Wire.Calls;

/// <summary>
/// The span that a call belongs to, as metadata (W3C Trace Context): <c>traceparent</c> names it, <c>tracestate</c> and <c>baggage</c>
/// travel along. Which names there are, and how they are written, is up to <see cref="DistributedContextPropagator.Current"/>.
/// <code>
/// traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01
///              version - trace - span of the caller - flags (1: sampled)
/// </code>
/// </summary>
internal static class TraceContext
{
    private const string TraceParent = "traceparent";
    private const string TraceState = "tracestate";

    /// <summary>
    /// The metadata that makes <paramref name="span"/> the parent of the server's; null for none. What the caller has in
    /// <paramref name="given"/> stays as it is, and what can't be sent is left out: no call fails because it is watched.
    /// </summary>
    public static Metadata? Inject(Activity span, Metadata? given)
    {
        var carrier = new Carrier(given);
        DistributedContextPropagator.Current.Inject(span, carrier, static (carrier, name, value) => ((Carrier)carrier!).Add(name, value));
        return carrier.Fields.Count == 0 ? null : carrier.Fields;
    }

    /// <summary>Starts a server's span that is the child of the one in <paramref name="fields"/>, if there is one; null when no listener wants it.</summary>
    public static Activity? StartServerSpan(
        ActivitySource source, string name, byte[] fields, IEnumerable<KeyValuePair<string, object?>> attributes, DateTimeOffset startTime)
    {
        DistributedContextPropagator propagator = DistributedContextPropagator.Current;
        propagator.ExtractTraceIdAndState(fields, Get, out string? parent, out string? state);
        ActivityContext.TryParse(parent, state, isRemote: true, out ActivityContext context); // or it has no parent
        Activity? span = source.StartActivity(name, ActivityKind.Server, context, attributes, links: null, startTime);
        if (span is not null && propagator.ExtractBaggage(fields, Get) is { } baggage)
        {
            foreach (KeyValuePair<string, string?> item in baggage)
            {
                span.AddBaggage(item.Key, item.Value); // before those that are there: propagators give the last one first
            }
        }

        return span;
    }

    /// <summary>The value of a field; several of one name are one list (RFC 9110 section 5.3).</summary>
    private static void Get(object? carrier, string name, out string? value, out IEnumerable<string>? values)
    {
        value = null;
        values = null;
        var fields = new HeaderList.Enumerator((byte[])carrier!);
        while (fields.MoveNext())
        {
            if (Ascii.EqualsIgnoreCase(fields.Current.Name, name))
            {
                string text = Encoding.ASCII.GetString(fields.Current.Value);
                value = value is null ? text : $"{value},{text}";
            }
        }
    }

    private sealed class Carrier(Metadata? given)
    {
        public Metadata Fields { get; } = [];

        public void Add(string name, string value)
        {
            name = name.ToLowerInvariant();
            if (!IsGiven(name) && !(name == TraceState && IsGiven(TraceParent)) && MetadataCodec.CanBeSent(name, value))
            {
                Fields.Add(name, value);
            }
        }

        private bool IsGiven(string name) => given?.Get(name) is not null;
    }
}
