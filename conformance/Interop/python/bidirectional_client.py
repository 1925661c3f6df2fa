"""Calls protos/bidirectional.proto at the address given as an argument and prints the responses, a line each."""

import sys

import bidirectional_pb2
import bidirectional_pb2_grpc
import grpc


def messages():
    for number in ("First", "Second", "Third", "Fourth", "Fifth"):
        yield bidirectional_pb2.Message(message=f"Hello Server Sending you the {number} message")


def main(address):
    with grpc.insecure_channel(address) as channel:
        stub = bidirectional_pb2_grpc.BidirectionalStub(channel)
        for response in stub.GetServerResponse(messages(), timeout=30):
            print(response.message)


if __name__ == "__main__":
    main(sys.argv[1])
