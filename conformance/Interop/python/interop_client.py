"""Runs official interoperability cases against a server of grpc.testing.TestService.

Arguments: the server's address, the file of the authorities to trust ("-" for plaintext), the names of cases.
Prints a line for each: its name, and "passed" or what went wrong. Ends with code 1 if one failed.
"""

import sys
import threading
import traceback

import grpc
from interop import empty_pb2, messages_pb2, test_pb2_grpc

PATIENCE = 100
REQUEST_SIZES = (27182, 8, 1828, 45904)
RESPONSE_SIZES = (31415, 9, 2653, 58979)
INITIAL = "x-grpc-test-echo-initial"
TRAILING = "x-grpc-test-echo-trailing-bin"
TOKEN = "Bearer test_token"
ECHOED = ((INITIAL, "test_initial_metadata_value"), (TRAILING, b"\xab\xab\xab"))


def zeros(size):
    return messages_pb2.Payload(body=bytes(size))


def large():
    return messages_pb2.SimpleRequest(response_size=314159, payload=zeros(271828))


def output(size, payload=0):
    return messages_pb2.StreamingOutputCallRequest(
        response_parameters=[messages_pb2.ResponseParameters(size=size)], payload=zeros(payload)
    )


def expect_zeros(payload, size):
    assert payload.body == bytes(size), f"a payload of {len(payload.body)} bytes instead of {size} zeros"


def expect_failure(call, code, details=None):
    try:
        call()
    except grpc.RpcError as error:
        assert error.code() == code, f"{error.code()} instead of {code}"
        assert details is None or error.details() == details, f"{error.details()!r} instead of {details!r}"
        return
    raise AssertionError(f"the call ended well instead of with {code}")


class Requests:
    """Requests that are written one by one while responses are read."""

    def __init__(self):
        self._ready = threading.Condition()
        self._requests = []
        self._closed = False

    def add(self, request):
        with self._ready:
            self._requests.append(request)
            self._ready.notify_all()

    def close(self):
        with self._ready:
            self._closed = True
            self._ready.notify_all()

    def __iter__(self):
        return self

    def __next__(self):
        with self._ready:
            self._ready.wait_for(lambda: self._requests or self._closed)
            if not self._requests:
                raise StopIteration
            return self._requests.pop(0)


def empty_unary(stub, channel):
    assert stub.EmptyCall(empty_pb2.Empty(), timeout=PATIENCE) == empty_pb2.Empty()


def cacheable_unary(stub, channel):
    request = messages_pb2.SimpleRequest(payload=messages_pb2.Payload(body=b"the same"))
    assert stub.CacheableUnaryCall(request, timeout=PATIENCE) == stub.CacheableUnaryCall(request, timeout=PATIENCE)


def large_unary(stub, channel):
    expect_zeros(stub.UnaryCall(large(), timeout=PATIENCE).payload, 314159)


def client_streaming(stub, channel):
    requests = (messages_pb2.StreamingInputCallRequest(payload=zeros(size)) for size in REQUEST_SIZES)
    response = stub.StreamingInputCall(requests, timeout=PATIENCE)
    assert response.aggregated_payload_size == 74922, response.aggregated_payload_size


def server_streaming(stub, channel):
    parameters = [messages_pb2.ResponseParameters(size=size) for size in RESPONSE_SIZES]
    request = messages_pb2.StreamingOutputCallRequest(response_parameters=parameters)
    responses = list(stub.StreamingOutputCall(request, timeout=PATIENCE))
    assert len(responses) == len(RESPONSE_SIZES), len(responses)
    for response, size in zip(responses, RESPONSE_SIZES):
        expect_zeros(response.payload, size)


def server_compressed_streaming(stub, channel):
    sizes = ((31415, True), (92653, False))
    parameters = [
        messages_pb2.ResponseParameters(size=size, compressed=messages_pb2.BoolValue(value=compressed))
        for size, compressed in sizes
    ]
    request = messages_pb2.StreamingOutputCallRequest(response_parameters=parameters)
    responses = list(stub.StreamingOutputCall(request, timeout=PATIENCE))
    assert len(responses) == len(sizes), len(responses)
    for response, (size, _) in zip(responses, sizes):
        expect_zeros(response.payload, size)


def ping_pong(stub, channel):
    requests = Requests()
    responses = stub.FullDuplexCall(requests, timeout=PATIENCE)
    for up, down in zip(REQUEST_SIZES, RESPONSE_SIZES):
        requests.add(output(down, up))
        expect_zeros(next(responses).payload, down)
    requests.close()
    assert not list(responses)


def empty_stream(stub, channel):
    assert not list(stub.FullDuplexCall(iter(()), timeout=PATIENCE))


def expect_echoed(call):
    assert dict(call.initial_metadata()).get(INITIAL) == ECHOED[0][1], call.initial_metadata()
    assert dict(call.trailing_metadata()).get(TRAILING) == ECHOED[1][1], call.trailing_metadata()


def custom_metadata(stub, channel):
    _, call = stub.UnaryCall.with_call(large(), metadata=ECHOED, timeout=PATIENCE)
    expect_echoed(call)
    duplex = stub.FullDuplexCall(iter((output(314159, 271828),)), metadata=ECHOED, timeout=PATIENCE)
    assert len(list(duplex)) == 1
    expect_echoed(duplex)


def add_token(context, callback):
    callback((("authorization", TOKEN), (INITIAL, TOKEN)), None)


def per_rpc_creds(stub, channel):
    credentials = grpc.metadata_call_credentials(add_token)
    for given, expected in ((credentials, [TOKEN]), (None, [])):
        _, call = stub.UnaryCall.with_call(large(), credentials=given, timeout=PATIENCE)
        echoed = [value for key, value in call.initial_metadata() if key == INITIAL]
        assert echoed == expected, echoed


def expect_status(stub, message, duplex):
    status = messages_pb2.EchoStatus(code=2, message=message)
    request = messages_pb2.SimpleRequest(response_status=status)
    expect_failure(lambda: stub.UnaryCall(request, timeout=PATIENCE), grpc.StatusCode.UNKNOWN, message)
    if duplex:
        requests = iter((messages_pb2.StreamingOutputCallRequest(response_status=status),))
        expect_failure(lambda: list(stub.FullDuplexCall(requests, timeout=PATIENCE)), grpc.StatusCode.UNKNOWN, message)


def status_code_and_message(stub, channel):
    expect_status(stub, "test status message", True)


def special_status_message(stub, channel):
    expect_status(stub, "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \U0001f608\t\n", False)


def unimplemented_method(stub, channel):
    expect_failure(
        lambda: stub.UnimplementedCall(empty_pb2.Empty(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED
    )


def unimplemented_service(stub, channel):
    other = test_pb2_grpc.UnimplementedServiceStub(channel)
    expect_failure(
        lambda: other.UnimplementedCall(empty_pb2.Empty(), timeout=PATIENCE), grpc.StatusCode.UNIMPLEMENTED
    )


def cancel_after_begin(stub, channel):
    call = stub.StreamingInputCall.future(Requests(), timeout=PATIENCE)
    call.cancel()
    assert call.cancelled() and call.code() == grpc.StatusCode.CANCELLED, call.code()


def cancel_after_first_response(stub, channel):
    requests = Requests()
    call = stub.FullDuplexCall(requests, timeout=PATIENCE)
    requests.add(output(31415, 27182))
    expect_zeros(next(call).payload, 31415)
    call.cancel()
    expect_failure(lambda: next(call), grpc.StatusCode.CANCELLED)
    requests.close()


def timeout_on_sleeping_server(stub, channel):
    requests = Requests()
    requests.add(messages_pb2.StreamingOutputCallRequest(payload=zeros(27182)))
    expect_failure(lambda: list(stub.FullDuplexCall(requests, timeout=0.001)), grpc.StatusCode.DEADLINE_EXCEEDED)
    requests.close()


def concurrent_large_unary(stub, channel):
    request = large()
    calls = [stub.UnaryCall.future(request, timeout=PATIENCE) for _ in range(1000)]
    while calls:
        expect_zeros(calls.pop().result().payload, 314159)


def pick_first_unary(stub, channel):
    request = messages_pb2.SimpleRequest(response_size=1, payload=zeros(1), fill_server_id=True)
    servers = {stub.UnaryCall(request, timeout=PATIENCE).server_id for _ in range(100)}
    assert len(servers) == 1 and "" not in servers, servers


def rpc_soak(stub, channel):
    for _ in range(10):
        large_unary(stub, channel)


def main(address, authorities, *names):
    if authorities == "-":
        channel = grpc.insecure_channel(address)
    else:
        channel = grpc.secure_channel(address, grpc.ssl_channel_credentials(open(authorities, "rb").read()))
    failed = False
    with channel:
        stub = test_pb2_grpc.TestServiceStub(channel)
        for name in names:
            try:
                globals()[name](stub, channel)
                print(name, "passed", flush=True)
            except Exception:
                failed = True
                print(name, traceback.format_exc().replace("\n", " | "), flush=True)
    return 1 if failed else 0


sys.exit(main(*sys.argv[1:]))
