using Grpc.Core;

namespace MiniGrpc.Conformance.Simulator;

/// <summary>How a handler ends its call.</summary>
internal enum Ending
{
    /// <summary>With status OK.</summary>
    Ok,

    /// <summary>By throwing a status.</summary>
    Status,

    /// <summary>By setting a status and returning.</summary>
    SetStatus,

    /// <summary>By throwing something else.</summary>
    Throw,

    /// <summary>Not before it is told that nobody waits any more.</summary>
    Hang,
}

/// <summary>What a call is to do at both ends, drawn from the seed before the run.</summary>
internal sealed class CallPlan
{
    public CallPlan(int number, SimRandom random, Swarm swarm)
    {
        Number = number;
        Key = random.Bits();
        Type = random.Of(MethodType.Unary, MethodType.ClientStreaming, MethodType.ServerStreaming, MethodType.DuplexStreaming, MethodType.DuplexStreaming);
        Start = random.UpTo(swarm.Span);
        WaitsForReady = random.OneIn(2);
        Requests = Lengths(StreamsRequests, random, swarm);
        Responses = Lengths(StreamsResponses, random, swarm);
        Ending = random.OneIn(3) ? random.Of(Ending.Status, Ending.SetStatus, Ending.Throw, Ending.Hang) : Ending.Ok;
        Code = random.Of(StatusCode.Aborted, StatusCode.NotFound, StatusCode.Cancelled, StatusCode.DataLoss);
        HandlerReads = StreamsRequests && random.OneIn(4) ? random.Below(Requests.Length + 1) : -1;
        Echoes = Type == MethodType.DuplexStreaming && random.OneIn(2);
        ClientReads = StreamsResponses && random.OneIn(6) ? random.Below(Responses.Length + 1) : -1;
        HalfCloses = !StreamsRequests || !random.OneIn(8);
        HandlerPause = random.OneIn(2) ? 0 : random.Of(1, 50, 1000);
        ClientPause = random.OneIn(2) ? 0 : random.Of(1, 50, 1000);
        AsksForHeaders = random.OneIn(3);
        SendsHeaders = random.OneIn(3);
        IsCompressed = swarm.HasCompression && random.OneIn(2);
        IsUnknown = random.OneIn(40);
        IgnoresCancellation = random.OneIn(4);
        if (swarm.Interrupts > 0)
        {
            Deadline = random.OneIn(swarm.Interrupts) ? random.UpTo(random.Of(0, 20, 1000, 20_000)) : null;
            CancelAfter = random.OneIn(swarm.Interrupts) ? random.UpTo(random.Of(0, 20, 1000)) : null;
            DisposeAfter = random.OneIn(swarm.Interrupts) ? random.UpTo(random.Of(0, 20, 1000)) : null;
            CancelsReads = random.OneIn(swarm.Interrupts);
            CancelsWrites = random.OneIn(swarm.Interrupts);
        }

        bool endsByItself = (Ending != Ending.Hang && (HalfCloses || HandlerReads >= 0)) || IsInterrupted;
        if (!endsByItself)
        {
            DisposeAfter = random.UpTo(2000);
        }
    }

    public int Number { get; }

    /// <summary>What the content of its messages follows from.</summary>
    public ulong Key { get; }

    public MethodType Type { get; }

    public TimeSpan Start { get; }

    public bool WaitsForReady { get; }

    /// <summary>The lengths of the requests.</summary>
    public int[] Requests { get; }

    /// <summary>The lengths of the responses, unless the handler echoes.</summary>
    public int[] Responses { get; }

    public Ending Ending { get; }

    public StatusCode Code { get; }

    /// <summary>How many requests the handler reads before it ends; negative for all.</summary>
    public int HandlerReads { get; }

    /// <summary>Whether the handler answers each request with a message of the same length.</summary>
    public bool Echoes { get; }

    /// <summary>How many responses the client reads before it has had enough; negative for all.</summary>
    public int ClientReads { get; }

    /// <summary>Whether the client ever says that no more requests follow.</summary>
    public bool HalfCloses { get; }

    /// <summary>The handler's longest pause between two steps, in milliseconds.</summary>
    public int HandlerPause { get; }

    /// <summary>The client's longest pause between two steps, in milliseconds.</summary>
    public int ClientPause { get; }

    public bool AsksForHeaders { get; }

    public bool SendsHeaders { get; }

    public bool IsCompressed { get; }

    /// <summary>Whether the server has no such method.</summary>
    public bool IsUnknown { get; }

    /// <summary>Whether a handler that is told that its call has ended goes on for a while.</summary>
    public bool IgnoresCancellation { get; }

    public TimeSpan? Deadline { get; }

    public TimeSpan? CancelAfter { get; }

    public TimeSpan? DisposeAfter { get; }

    /// <summary>Whether the client cancels one of its reads, which cancels the call.</summary>
    public bool CancelsReads { get; }

    /// <summary>Whether the client gives up waiting for one of its writes.</summary>
    public bool CancelsWrites { get; }

    public bool StreamsRequests => Type is MethodType.ClientStreaming or MethodType.DuplexStreaming;

    public bool StreamsResponses => Type is MethodType.ServerStreaming or MethodType.DuplexStreaming;

    public bool IsInterrupted => Deadline is not null || CancelAfter is not null || DisposeAfter is not null;

    /// <summary>The key of its responses' content.</summary>
    public ulong ResponseKey => ~Key;

    /// <summary>The length of a response.</summary>
    public int ResponseLength(int number) => (Echoes ? Requests : Responses)[number];

    /// <inheritdoc />
    public override string ToString() =>
        $"call {Number}: {Type} at {Start.TotalMilliseconds} ms, requests [{string.Join(' ', Requests)}], responses [{string.Join(' ', Responses)}],"
        + $" {Ending} {(Ending is Ending.Status or Ending.SetStatus ? Code : "")} after {HandlerReads} reads{(Echoes ? ", echoes" : "")}; client reads {ClientReads},"
        + $" half-closes {HalfCloses}, waits for ready {WaitsForReady}, deadline {Deadline?.TotalMilliseconds}, cancel {CancelAfter?.TotalMilliseconds},"
        + $" dispose {DisposeAfter?.TotalMilliseconds}, cancels reads {CancelsReads}, writes {CancelsWrites}; pauses {HandlerPause}/{ClientPause};"
        + $" headers {AsksForHeaders}/{SendsHeaders}, compressed {IsCompressed}, unknown {IsUnknown}";

    private static int[] Lengths(bool many, SimRandom random, Swarm swarm)
    {
        int[] lengths = new int[many ? random.Between(0, swarm.AverageRequests * 2) : 1];
        foreach (ref int length in lengths.AsSpan())
        {
            length = swarm.DrawLength(random);
        }

        return lengths;
    }
}
