using Grpc.Core;
using MiniGrpc.Benchmarks.Protos;

namespace MiniGrpc.Benchmarks.Compare.Peers;

/// <summary>
/// What both servers serve. It does as little as a handler can, so that what is measured is the server: the unary reply is the
/// request itself, and a stream's reply is made once.
/// </summary>
internal sealed class EchoService : Benchmark.BenchmarkBase
{
    public override Task<Echo> Unary(Echo request, ServerCallContext context) => Task.FromResult(request);

    public override async Task Download(DownloadRequest request, IServerStreamWriter<Echo> responseStream, ServerCallContext context)
    {
        var message = new Echo { Payload = request.Payload };
        for (int i = 0; i < request.Count; i++)
        {
            await responseStream.WriteAsync(message);
        }
    }

    public override async Task<UploadReply> Upload(IAsyncStreamReader<Echo> requestStream, ServerCallContext context)
    {
        int count = 0;
        while (await requestStream.MoveNext(CancellationToken.None))
        {
            count++;
        }

        return new UploadReply { Count = count };
    }

    public override async Task PingPong(IAsyncStreamReader<Echo> requestStream, IServerStreamWriter<Echo> responseStream, ServerCallContext context)
    {
        while (await requestStream.MoveNext(CancellationToken.None))
        {
            await responseStream.WriteAsync(requestStream.Current);
        }
    }
}
