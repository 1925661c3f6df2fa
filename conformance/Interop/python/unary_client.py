"""Calls protos/unary.proto at the address given as an argument and prints the response, a line for each field."""

import sys

import grpc
import unary_pb2
import unary_pb2_grpc


def main(address):
    with grpc.insecure_channel(address) as channel:
        stub = unary_pb2_grpc.UnaryStub(channel)
        response = stub.GetServerResponse(unary_pb2.Message(message="Hello Server you there?"), timeout=30)
        print(f"message: {response.message}")
        print(f"received: {response.received}")


if __name__ == "__main__":
    main(sys.argv[1])
