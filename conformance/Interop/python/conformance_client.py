"""Runs cases against servers of protos/conformance.proto and prints what the client saw.

A line of input is a case: a JSON array of the server's address, the file of the authorities to trust ("" for
plaintext), the case's name and, for some, the id of its calls. A line of output is its result, as JSON.
Stops when its standard input is closed.

Each case makes the same call in all four kinds where it can, and the output has an entry for each kind.
Waits are bounded by deadlines, so that a case always ends.
"""

import hashlib
import json
import sys

import conformance_pb2 as pb
import conformance_pb2_grpc
import grpc

KINDS = ("Unary", "ServerStreaming", "ClientStreaming", "Bidi")
LIMIT = 30
MESSAGE = "\t100 %, %41 and %zz\r\nis BMP \u263a and non-BMP \U0001f608\t\r\n"


class Call:
    """A call of any kind behind one face; the request is sent, then the client half-closes."""

    def __init__(self, stub, kind, request, **options):
        method = getattr(stub, kind)
        streams_requests = kind in ("ClientStreaming", "Bidi")
        argument = iter([request]) if streams_requests else request
        start = method if kind in ("ServerStreaming", "Bidi") else method.future
        options.setdefault("timeout", LIMIT)
        self.call = start(argument, **options)
        self.single = kind in ("Unary", "ClientStreaming")

    def finish(self):
        """Reads to the end and returns what came, in a form that JSON can take."""
        responses = []
        try:
            if self.single:
                responses.append(self.call.result())
            else:
                responses.extend(self.call)
        except (grpc.RpcError, grpc.FutureCancelledError):
            pass  # The code is read from the call below.
        return {
            "code": self.call.code().value[0],
            "detail": self.call.details() or "",
            "sizes": [len(response.payload) for response in responses],
            "sha256": [hashlib.sha256(response.payload).hexdigest() for response in responses],
            "headers": echoed(self.call.initial_metadata()),
            "trailers": echoed(self.call.trailing_metadata()),
        }


def echoed(metadata):
    """A list of 'key: value' with binary values in hexadecimal digits."""
    entries = [(key, value.hex() if isinstance(value, bytes) else value) for key, value in metadata or ()]
    return [f"{key}: {value}" for key, value in entries if key.startswith("echo-")]


def in_all_kinds(stub, request, **options):
    return {kind: Call(stub, kind, request, **options).finish() for kind in KINDS}


def echo(stub, size, **options):
    return in_all_kinds(stub, pb.Request(payload=bytes(i % 251 for i in range(size))), **options)


def streams(stub):
    """Ten requests up; ten responses down; ten of each, in turn."""
    requests = [pb.Request(payload=bytes([n]) * 1000) for n in range(10)]
    up = stub.ClientStreaming(iter(requests), timeout=LIMIT)
    down = stub.ServerStreaming(pb.Request(answer=pb.Answer(count=10, size=1000)), timeout=LIMIT)
    both = stub.Bidi(iter(requests), timeout=LIMIT)
    return {
        "received": up.received,
        "sha256": up.received_sha256.hex(),
        "down": [response.payload[0] for response in down],
        "both": [response.payload[0] for response in both],
    }


def metadata(stub):
    sent = (
        ("echo-text", "some text"),
        ("echo-repeated", "one"),
        ("echo-repeated", "two"),
        ("echo-data-bin", bytes(range(256))),
    )
    return in_all_kinds(stub, pb.Request(), metadata=sent)


def repeated_binary(stub):
    sent = (("echo-repeated-bin", b"\x01\x02\x03"), ("echo-repeated-bin", b"\x04"))
    return in_all_kinds(stub, pb.Request(), metadata=sent)


def statuses(stub):
    """Every code, in each kind, before and after the headers."""
    results = []
    for headers in (pb.WHEN_NEEDED, pb.FIRST):
        for code in range(17):
            status = pb.Status(code=code, message=MESSAGE)
            request = pb.Request(answer=pb.Answer(), headers=headers, then=pb.END, status=status)
            results.extend({"sent": code, **result} for result in in_all_kinds(stub, request).values())
    return results


def deadline(stub, call_id):
    request = pb.Request(answer=pb.Answer(), then=pb.AWAIT_CANCELLATION)
    calls = {kind: Call(stub, kind, request, timeout=0.5, metadata=(("call-id", call_id),)) for kind in KINDS}
    return {kind: call.finish() for kind, call in calls.items()}


def cancellation(stub, call_id):
    """Starts a call of each kind and cancels them when a line comes in, which tells that their handlers wait."""
    request = pb.Request(answer=pb.Answer(), then=pb.AWAIT_CANCELLATION)
    calls = {kind: Call(stub, kind, request, metadata=(("call-id", call_id),)) for kind in KINDS}
    sys.stdin.readline()
    for call in calls.values():
        call.call.cancel()
    return {kind: call.finish() for kind, call in calls.items()}


def connect(address, roots, compression=None):
    """With a file of roots over TLS, else in plaintext."""
    if not roots:
        return grpc.insecure_channel(address, compression=compression)
    with open(roots, "rb") as file:
        return grpc.secure_channel(address, grpc.ssl_channel_credentials(file.read()), compression=compression)


def gzip(address, roots):
    """Compresses by the channel's default, since grpcio 1.51 forgets a call's own when it streams to a future."""
    request = pb.Request(payload=bytes(1 << 20), compress_responses=True)
    with connect(address, roots, grpc.Compression.Gzip) as channel:
        return in_all_kinds(conformance_pb2_grpc.TestServiceStub(channel), request)


def too_large(stub):
    """Over the default limit of 4 MiB: first the request, then the response."""
    up = in_all_kinds(stub, pb.Request(payload=bytes(4 << 20), answer=pb.Answer()))
    down = in_all_kinds(stub, pb.Request(answer=pb.Answer(count=1, size=4 << 20)))
    return [*up.values(), *down.values()]


def unimplemented(channel):
    call = channel.unary_unary("/minigrpc.conformance.TestService/NoSuchMethod")
    return call.future(b"", timeout=LIMIT).exception().code().value[0]


def run(address, roots, case, call_id=""):
    with connect(address, roots) as channel:
        stub = conformance_pb2_grpc.TestServiceStub(channel)
        cases = {
            "empty": lambda: echo(stub, 0),
            "small": lambda: echo(stub, 100),
            "large": lambda: echo(stub, 1 << 20),
            "streams": lambda: streams(stub),
            "metadata": lambda: metadata(stub),
            "repeated_binary": lambda: repeated_binary(stub),
            "statuses": lambda: statuses(stub),
            "deadline": lambda: deadline(stub, call_id),
            "cancellation": lambda: cancellation(stub, call_id),
            "gzip": lambda: gzip(address, roots),
            "too_large": lambda: too_large(stub),
            "unimplemented": lambda: unimplemented(channel),
        }
        return cases[case]()


def main():
    for line in iter(sys.stdin.readline, ""):
        print(json.dumps(run(*json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
