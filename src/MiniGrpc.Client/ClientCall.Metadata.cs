using Grpc.Core;

using MiniGrpc.Wire;
using MiniGrpc.Wire.Calls;
using MiniGrpc.Wire.Grpc;
using MiniGrpc.Wire.Hpack;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <content>
/// What travels beside the messages: request metadata, deadline and encoding out, response headers and trailers in. What came
/// in is kept as octets and becomes <see cref="Metadata"/> when somebody asks.
/// </content>
internal abstract partial class ClientCall
{
    private readonly Metadata? _requestHeaders;
    private HeadersSource? _responseHeaders;
    private byte[]? _headerFields;
    private Metadata? _trailers;

    /// <summary>The response's header list, as soon as it is there.</summary>
    public Task<Metadata> ResponseHeaders
    {
        get
        {
            HeadersSource? source = Volatile.Read(ref _responseHeaders);
            if (source is null)
            {
                var created = new HeadersSource(this);
                source = Interlocked.CompareExchange(ref _responseHeaders, created, null) ?? created;
                CompleteHeaders(source);
            }

            return source.Task;
        }
    }

    private Metadata Trailers => _trailers ??= MetadataCodec.Decode(_end!.TrailerFields, Connection);

    /// <summary>The trailers of a call that has ended.</summary>
    public Metadata GetTrailers() => HasEnded ? Trailers : throw new InvalidOperationException("The call has no trailers yet: it hasn't ended.");

    /// <summary>The response's header list has come in; <paramref name="custom"/> is what is kept of it. On the receive loop.</summary>
    internal void OnResponseHeaders(byte[] custom)
    {
        ReleaseRequest();
        Interlocked.Exchange(ref _headerFields, custom); // a full fence: who asks publishes, then looks
        PostHeaders();
    }

    /// <summary>Whoever waits for the header list is told, away from the receive loop.</summary>
    private void PostHeaders()
    {
        if (Volatile.Read(ref _responseHeaders) is { } source)
        {
            Post(source);
        }
    }

    private void CompleteHeaders(HeadersSource source)
    {
        if (Volatile.Read(ref _headerFields) is { } fields)
        {
            source.TrySetResult(MetadataCodec.Decode(fields, Connection));
        }
        else if (HasEnded)
        {
            // Trailers-Only has no header list of its own; a call that failed has none either.
            if (Status.StatusCode == StatusCode.OK)
            {
                source.TrySetResult([]);
            }
            else
            {
                source.TrySetException(ToException());
                _ = source.Task.Exception; // nobody has to look at it
            }
        }
    }

    /// <summary>What this call's header list has beyond that of its method.</summary>
    private HeaderList? RequestFields()
    {
        if (!HasDeadline && RequestCompression is null && _requestHeaders is not { Count: > 0 } && PreviousAttempts == 0 && _authorization is null
            && Observer?.TraceHeaders is null)
        {
            return null;
        }

        var fields = new HeaderList();
        if (HasDeadline)
        {
            Span<byte> timeout = stackalloc byte[GrpcTimeout.MaxLength];
            int length = GrpcTimeout.Format(TimeLeft, timeout);
            fields.Add("grpc-timeout"u8, timeout[..length], Indexing.Without);
        }

        if (RequestCompression is not null)
        {
            fields.Add("grpc-encoding"u8, System.Text.Encoding.ASCII.GetBytes(RequestCompression.EncodingName));
        }

        if (PreviousAttempts > 0)
        {
            fields.Add("grpc-previous-rpc-attempts"u8, System.Text.Encoding.ASCII.GetBytes(PreviousAttempts.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }

        if (_requestHeaders is not null)
        {
            MetadataCodec.Encode(_requestHeaders, fields);
        }

        if (Observer?.TraceHeaders is { } trace)
        {
            MetadataCodec.Encode(trace, fields);
        }

        if (_authorization is not null)
        {
            MetadataCodec.EncodeSecrets(_authorization.Metadata, fields);
        }

        return fields;
    }

    private static ICompressionProvider? ChooseCompression(MiniChannel channel, Metadata? headers)
    {
        string? name = headers is { Count: > 0 } ? headers.GetValue("grpc-internal-encoding-request") : null;
        return name switch
        {
            null => channel.RequestCompression,
            "identity" => null,
            _ => channel.FindCompression(name),
        };
    }

    /// <summary>The wait for the header list; posted when there is one, or none will come.</summary>
    private sealed class HeadersSource(ClientCall call) : TaskCompletionSource<Metadata>, IThreadPoolWorkItem
    {
        public void Execute() => call.CompleteHeaders(this);
    }
}
