"""Serves protos/conformance.proto: does what each request tells it to.

Prints its port. Then, for each call that had to await its cancellation, prints `cancelled` and the call's id.
Stops when its standard input is closed.
"""

import hashlib
import sys
import threading
from concurrent import futures

import conformance_pb2 as pb
import conformance_pb2_grpc
import grpc

# More than the calls that a test has waiting at one time, since each holds a thread.
THREADS = 50

CODES = {code.value[0]: code for code in grpc.StatusCode}


def pattern(size, start):
    """Byte i is (start + i) mod 251."""
    period = bytes(range(251))
    start %= 251
    return (period * ((start + size) // 251 + 1))[start : start + size]


class Call:
    """A call in the hands of the service."""

    def __init__(self, context):
        self.context = context
        self.responses = 0
        self.headers_sent = False
        self.ended = threading.Event()
        metadata = [(key, value) for key, value in context.invocation_metadata()]
        self.id = dict(metadata).get("call-id", "")
        self.echo = tuple(entry for entry in metadata if entry[0].startswith("echo-"))
        context.set_trailing_metadata(self.echo)
        if not context.add_callback(self.ended.set):
            self.ended.set()

    def prepare(self, request):
        """What a call's first request says about the call as a whole."""
        if request.compress_responses:
            self.context.set_compression(grpc.Compression.Gzip)

    def send_headers(self):
        if not self.headers_sent:
            self.headers_sent = True
            self.context.send_initial_metadata(self.echo)

    def response(self, request):
        payload = pattern(request.answer.size, self.responses) if request.HasField("answer") else request.payload
        self.responses += 1
        return pb.Response(payload=payload, peer=self.context.peer())

    def answers(self, request):
        count = request.answer.count if request.HasField("answer") else 1
        for _ in range(count):
            self.send_headers()
            yield self.response(request)

    def then(self, request):
        """Returns whether the call goes on to its next request."""
        if request.then == pb.END:
            self.end(request.status)
            return False
        if request.then == pb.THROW:
            raise RuntimeError(request.payload.decode())
        if request.then == pb.AWAIT_CANCELLATION:
            self.ended.wait()
            print("cancelled", self.id, flush=True)
            return False
        if request.then == pb.AWAIT_RELEASE:
            self.context.abort(grpc.StatusCode.UNIMPLEMENTED, "Only a server in the test's process can be released.")
        return True

    def end(self, status):
        if status.code == 0:
            self.context.set_details(status.message)
        else:
            self.context.set_trailing_metadata(self.echo + (("thrown", "yes"),))
            self.context.abort(CODES[status.code], status.message)


class TestService(conformance_pb2_grpc.TestServiceServicer):
    def Unary(self, request, context):
        call = Call(context)
        call.prepare(request)
        if request.headers == pb.FIRST:
            call.send_headers()
        call.then(request)
        call.send_headers()
        return call.response(request)

    def ServerStreaming(self, request, context):
        yield from self.Bidi(iter([request]), context)

    def ClientStreaming(self, requests, context):
        call = Call(context)
        digest = hashlib.sha256()
        last = pb.Request()
        received = 0
        for last in requests:
            if received == 0:
                call.prepare(last)
            received += 1
            digest.update(last.payload)
            if last.headers == pb.FIRST:
                call.send_headers()
            if not call.then(last):
                break
        call.send_headers()
        response = call.response(last)
        response.received = received
        response.received_sha256 = digest.digest()
        return response

    def Bidi(self, requests, context):
        call = Call(context)
        for number, request in enumerate(requests):
            if number == 0:
                call.prepare(request)
            if request.headers == pb.FIRST:
                call.send_headers()
            yield from call.answers(request)
            if not call.then(request):
                break


def main(certificate="", key=""):
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=THREADS))
    conformance_pb2_grpc.add_TestServiceServicer_to_server(TestService(), server)
    if certificate:
        with open(certificate, "rb") as chain, open(key, "rb") as private:
            credentials = grpc.ssl_server_credentials([(private.read(), chain.read())])
        port = server.add_secure_port("127.0.0.1:0", credentials)
    else:
        port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main(*sys.argv[1:])
