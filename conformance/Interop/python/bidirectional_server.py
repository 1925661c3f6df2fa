"""Serves protos/bidirectional.proto. Prints its port, and stops when its standard input is closed."""

import sys
from concurrent import futures

import bidirectional_pb2
import bidirectional_pb2_grpc
import grpc

GREETING = "Hello Server Sending you the "


class Bidirectional(bidirectional_pb2_grpc.BidirectionalServicer):
    def GetServerResponse(self, requests, context):
        for request in requests:
            received = request.message.replace(GREETING, "")
            yield bidirectional_pb2.Message(message=f"Hello from the server received your {received}")


def main():
    server = grpc.server(futures.ThreadPoolExecutor())
    bidirectional_pb2_grpc.add_BidirectionalServicer_to_server(Bidirectional(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()
