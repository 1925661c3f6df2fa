using System.Text;

using Grpc.Core;
using Grpc.Core.Interceptors;

namespace MiniGrpc.Server;

/// <summary>
/// The methods of all services, found by the octets of <c>:path</c>: exact and case-sensitive, no string is made.
/// </summary>
/// <remarks>Immutable once the server has started; read by every connection.</remarks>
internal sealed class MethodTable : ServiceBinderBase
{
    /// <summary>Longer paths name no method, so that looking one up needs no more than this on the stack. Real ones have some 60 octets.</summary>
    private const int LongestPath = 512;

    private readonly Dictionary<string, MethodHandler> _methods = new(StringComparer.Ordinal);
    private readonly Dictionary<string, MethodHandler>.AlternateLookup<ReadOnlySpan<char>> _byPath;
    private readonly HashSet<string> _services = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<Interceptor> _interceptors;

    public MethodTable(IEnumerable<ServerServiceDefinition> services, IReadOnlyList<Interceptor> interceptors)
    {
        _interceptors = interceptors;
        foreach (ServerServiceDefinition service in services)
        {
            service.BindService(this);
        }

        _byPath = _methods.GetAlternateLookup<ReadOnlySpan<char>>();
    }

    /// <summary>Finds the handler of <paramref name="path"/>, which is <c>/package.Service/Method</c>.</summary>
    public MethodHandler? Find(ReadOnlySpan<byte> path)
    {
        if (path.Length > LongestPath || !Ascii.IsValid(path))
        {
            return null;
        }

        Span<char> text = stackalloc char[path.Length];
        Encoding.ASCII.GetChars(path, text);
        return _byPath.TryGetValue(text, out MethodHandler? handler) ? handler : null;
    }

    /// <summary>Why there is no handler for <paramref name="path"/>. A long one is cut: who asks for nothing gets no long answers.</summary>
    public string Explain(string path)
    {
        const int Shown = 200;
        if (path.Length > Shown)
        {
            return $"No service is registered for '{path.AsSpan(0, Shown)}…'.";
        }

        int slash = path.LastIndexOf('/');
        return slash > 0 && path[0] == '/' && _services.Contains(path[1..slash])
            ? $"Service '{path[1..slash]}' has no method '{path[(slash + 1)..]}'."
            : $"No service is registered for '{path}'.";
    }

    /// <summary>Marks the methods of <paramref name="services"/> as told of a shutdown.</summary>
    /// <exception cref="InvalidOperationException">There is no such service; the message names it.</exception>
    public void CancelOnShutdown(IEnumerable<string> services)
    {
        foreach (string service in services)
        {
            if (!_services.Contains(service))
            {
                throw new InvalidOperationException(
                    $"CancelOnShutdown has '{service}', but no service of that name is registered; expected a full name such as grpc.health.v1.Health.");
            }

            foreach (MethodHandler handler in _methods.Values.Where(handler => handler.ServiceName == service))
            {
                handler.IsToldOfShutdown = true;
            }
        }
    }

    /// <inheritdoc />
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new UnaryHandler<TRequest, TResponse>(method, Compose(Required(method, handler), static (i, next) => (r, c) => i.UnaryServerHandler(r, c, next))));

    /// <inheritdoc />
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new ClientStreamingHandler<TRequest, TResponse>(method, Compose(Required(method, handler), static (i, next) => (r, c) => i.ClientStreamingServerHandler(r, c, next))));

    /// <inheritdoc />
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new ServerStreamingHandler<TRequest, TResponse>(method, Compose(Required(method, handler), static (i, next) => (r, w, c) => i.ServerStreamingServerHandler(r, w, c, next))));

    /// <inheritdoc />
    public override void AddMethod<TRequest, TResponse>(Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse>? handler) =>
        Add(method, new DuplexHandler<TRequest, TResponse>(method, Compose(Required(method, handler), static (i, next) => (r, w, c) => i.DuplexStreamingServerHandler(r, w, c, next))));

    private static T Required<T>(IMethod method, T? handler)
        where T : class =>
        handler ?? throw new ArgumentException($"Method '{method.FullName}' was bound without a handler: bind a service implementation, not just its description.");

    /// <summary>Wraps a handler so that the first interceptor in the list is the outermost.</summary>
    private T Compose<T>(T handler, Func<Interceptor, T, T> wrap)
    {
        for (int i = _interceptors.Count - 1; i >= 0; i--)
        {
            handler = wrap(_interceptors[i], handler);
        }

        return handler;
    }

    private void Add(IMethod method, MethodHandler handler)
    {
        if (!_methods.TryAdd(method.FullName, handler))
        {
            throw new InvalidOperationException($"Method '{method.FullName}' is registered twice.");
        }

        _services.Add(method.ServiceName);
    }
}
