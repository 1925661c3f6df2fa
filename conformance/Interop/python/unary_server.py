"""Serves protos/unary.proto. Prints its port, and stops when its standard input is closed."""

import sys
from concurrent import futures

import grpc
import unary_pb2
import unary_pb2_grpc


class Unary(unary_pb2_grpc.UnaryServicer):
    def GetServerResponse(self, request, context):
        text = f"Hello I am up and running. Received '{request.message}' message from you"
        return unary_pb2.MessageResponse(message=text, received=True)


def main():
    server = grpc.server(futures.ThreadPoolExecutor())
    unary_pb2_grpc.add_UnaryServicer_to_server(Unary(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()
