using Grpc.Core;

using MiniGrpc.Client.Configuration;
using MiniGrpc.Client.Diagnostics;
using MiniGrpc.Client.Repeating;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Client;

/// <summary>What all calls of a method have in common: the header fields they start with, and what the service config says of them.</summary>
/// <remarks>Immutable, but for what is made when it is first needed.</remarks>
internal sealed class MethodPlan(PreparedFields requestBlock, MethodParameters parameters, MiniChannelOptions options)
{
    private object? _encoded;
    private CallLabels? _labels;

    /// <summary>The header fields that every call of the method starts with.</summary>
    public PreparedFields RequestBlock => requestBlock;

    /// <summary>What the service config says.</summary>
    public MethodParameters Parameters => parameters;

    /// <summary>Whether a call may have several attempts.</summary>
    public bool Repeats => parameters.Retry is not null || parameters.Hedging is not null;

    /// <summary>The largest request, in octets; null for no limit.</summary>
    public int? MaxSendMessageSize { get; } = Smaller(options.MaxSendMessageSize, parameters.MaxRequestMessageBytes);

    /// <summary>The largest response, in octets; negative for no limit.</summary>
    public int MaxReceiveMessageSize { get; } = Smaller(options.MaxReceiveMessageSize, parameters.MaxResponseMessageBytes) ?? -1;

    /// <summary>The method for requests that are encoded already: one object for all calls, since plans are kept by method.</summary>
    public Method<EncodedMessage, TResponse> Encoded<TRequest, TResponse>(Method<TRequest, TResponse> method) =>
        (Method<EncodedMessage, TResponse>)(_encoded ??= EncodedMessage.MethodFor(method));

    /// <summary>What metrics and spans say of the method, <c>/package.Service/Method</c>, on the channel that <paramref name="core"/> belongs to. User code may run here.</summary>
    public CallLabels LabelsOf(string method, ChannelCore core) => _labels ??= new CallLabels(method, core.Target, options, core.Logger);

    /// <summary>The options of a call that starts now, with what the service config says where they say nothing, and its timeout if that is sooner.</summary>
    public CallOptions Apply(CallOptions call) => Apply(call, startedAt: null);

    /// <summary>The same of one that has started before.</summary>
    public CallOptions Apply(CallOptions call, DateTime? startedAt)
    {
        if (parameters.WaitForReady == true && !call.IsWaitForReady)
        {
            call = call.WithWaitForReady();
        }

        if (parameters.Timeout is { } timeout)
        {
            DateTime start = startedAt ?? options.TimeProvider.GetUtcNow().UtcDateTime;
            DateTime latest = timeout < DateTime.MaxValue - start ? start + timeout : DateTime.MaxValue;
            call = call.Deadline is { } deadline && deadline <= latest ? call : call.WithDeadline(DateTime.SpecifyKind(latest, DateTimeKind.Utc));
        }

        return call;
    }

    private static int? Smaller(int? one, int? other) => one is null || other is null ? one ?? other : Math.Min(one.Value, other.Value);
}
