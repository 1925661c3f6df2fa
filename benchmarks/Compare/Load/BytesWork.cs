using System.Buffers.Binary;
using System.Diagnostics;
using Grpc.Core;
using MiniGrpc.Benchmarks.Compare.Peers;

namespace MiniGrpc.Benchmarks.Compare.Load;

/// <summary>As <see cref="DownloadWork"/>, with messages that are bytes alone: see <see cref="BytesService"/>.</summary>
internal sealed class DownloadBytesWork : Work
{
    public override string Name => "download-bytes";

    public override async Task RunAsync(CallInvoker invoker, LoadGenerator load)
    {
        using RentedBytes request = BytesService.RequestOf(load.MessagesPerCall, load.PayloadBytes);
        long start = Stopwatch.GetTimestamp();
        while (load.Running)
        {
            using AsyncServerStreamingCall<RentedBytes> call = invoker.AsyncServerStreamingCall(BytesService.DownloadMethod, null, default, request);
            int received = 0;
            while (await call.ResponseStream.MoveNext(CancellationToken.None))
            {
                using RentedBytes message = call.ResponseStream.Current;
                load.Check(message.Length);
                start = load.Count(start);
                received++;
            }

            CheckCount(load.MessagesPerCall, received);
        }
    }
}

/// <summary>As <see cref="UploadWork"/>, with messages that are bytes alone.</summary>
internal sealed class UploadBytesWork : Work
{
    public override string Name => "upload-bytes";

    public override async Task RunAsync(CallInvoker invoker, LoadGenerator load)
    {
        using var message = new RentedBytes(load.PayloadBytes);
        long start = Stopwatch.GetTimestamp();
        while (load.Running)
        {
            using AsyncClientStreamingCall<RentedBytes, RentedBytes> call = invoker.AsyncClientStreamingCall(BytesService.UploadMethod, null, default);
            int sent = 0;
            while (sent < load.MessagesPerCall && load.Running)
            {
                await call.RequestStream.WriteAsync(message);
                start = load.Count(start);
                sent++;
            }

            await call.RequestStream.CompleteAsync();
            using RentedBytes response = await call;
            CheckCount(sent, BinaryPrimitives.ReadInt32LittleEndian(response.Span));
        }
    }
}
