using CsCheck;
using MiniGrpc.Wire.Buffers;
using MiniGrpc.Wire.Http2;

namespace MiniGrpc.Conformance.Wire.Engine;

/// <summary>The octets of a stream that wait to be sent: first in, first out, wherever the messages and frames are cut.</summary>
public class SendQueueTests
{
    [Fact]
    public void What_went_in_comes_out_in_order() =>
        Gen.Select(Gen.Int[0, 6], Gen.Frequency((3, Gen.Int[0, 300]), (1, Gen.Int[4000, 9000]))).Array[1, 60].Sample(
            steps =>
            {
                var queue = default(SendQueue);
                OutputBuffer buffer = new();
                var model = new Queue<byte>();
                byte next = 0;
                foreach ((int kind, int amount) in steps)
                {
                    switch (kind)
                    {
                        case 0:
                            queue.Clear();
                            model.Clear();
                            break;
                        case <= 3:
                            byte[] message = [.. Enumerable.Range(0, amount).Select(_ => next++)];
                            buffer.Write(message);
                            queue.Append(buffer);
                            Assert.Equal(0, buffer.Length);
                            Array.ForEach(message, model.Enqueue);
                            break;
                        default:
                            byte[] frame = new byte[int.Min(amount, queue.Length)];
                            queue.MoveTo(frame);
                            Assert.Equal(frame.Select(_ => model.Dequeue()), frame);
                            break;
                    }

                    Assert.Equal(model.Count, queue.Length);
                }

                byte[] rest = new byte[queue.Length];
                queue.MoveTo(rest);
                Assert.Equal(model, rest);
            },
            iter: 500,
            threads: 1);
}
