"""The sessions of gRPC's C core that are recorded: a client that makes a call of each kind, and a server that echoes."""

import sys
from concurrent import futures

import grpc


def client(port):
    """A call of each kind, in the order of Script.cs."""
    with grpc.insecure_channel(f"127.0.0.1:{port}", options=[("grpc.enable_retries", 0)]) as channel:
        unary = channel.unary_unary("/fuzz/Unary").future(
            b"\x01\x02\x03", timeout=60, metadata=[("echo-text", "some text"), ("echo-data-bin", b"\x00\x01\x02\xff")])
        collect = channel.stream_unary("/fuzz/Collect").future(iter([b"", bytes(100), bytes(200)]))
        spread = channel.unary_stream("/fuzz/Spread")(b"\x01\x02\x03")
        duplex = channel.stream_stream("/fuzz/Duplex")(iter([b"\x01\x02\x03", bytes(300)]))
        print(len(unary.result()), len(collect.result()), len(list(spread)), len(list(duplex)))
        compressed = channel.unary_unary("/fuzz/Unary")
        print(len(compressed(bytes(2000), compression=grpc.Compression.Gzip)))
        try:
            channel.unary_unary("/fuzz/Unary")(b"\xff", timeout=60)
        except grpc.RpcError as error:
            print(error.code())
        cancelled = channel.stream_stream("/fuzz/Duplex")(iter([b"\x01"]))
        next(cancelled)
        cancelled.cancel()


def unary(request, context):
    context.set_trailing_metadata([(key, value) for key, value in context.invocation_metadata() if key.startswith("echo-")])
    return request


class Echo(grpc.GenericRpcHandler):
    """One method of each kind, on bytes."""

    def service(self, details):
        return {
            "/fuzz/Unary": grpc.unary_unary_rpc_method_handler(unary),
            "/fuzz/Collect": grpc.stream_unary_rpc_method_handler(lambda requests, context: b"".join(requests)),
            "/fuzz/Spread": grpc.unary_stream_rpc_method_handler(lambda request, context: (bytes(count) for count in request)),
            "/fuzz/Duplex": grpc.stream_stream_rpc_method_handler(lambda requests, context: requests),
        }.get(details.method)


def server():
    running = grpc.server(futures.ThreadPoolExecutor(8), handlers=[Echo()])
    print(running.add_insecure_port("127.0.0.1:0"), flush=True)
    running.start()
    sys.stdin.readline()
    running.stop(None).wait()


client(sys.argv[2]) if sys.argv[1] == "client" else server()
