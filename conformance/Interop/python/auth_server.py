"""Serves auth.Auth/Who over TLS to clients with a certificate: answers what gRPC's C core knows of the client, as JSON.

    auth_server.py CERTIFICATE KEY CLIENT_ROOTS

Prints its port, and stops when its standard input is closed.
"""

import json
import sys
from concurrent import futures

import grpc


def who(request, context):
    identities = context.peer_identities()
    metadata = {}
    for key, value in context.invocation_metadata():
        if not isinstance(value, bytes):
            metadata.setdefault(key, []).append(value)
    return json.dumps(
        {
            "IsAuthenticated": identities is not None,
            "IdentityProperty": context.peer_identity_key(),
            "Properties": {name: [value.decode() for value in values] for name, values in context.auth_context().items()},
            "Metadata": metadata,
        }
    ).encode()


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    certificate, key, roots = (read(path) for path in sys.argv[1:4])
    server = grpc.server(futures.ThreadPoolExecutor())
    handlers = {"Who": grpc.unary_unary_rpc_method_handler(who)}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler("auth.Auth", handlers),))
    credentials = grpc.ssl_server_credentials([(key, certificate)], root_certificates=roots, require_client_auth=True)
    port = server.add_secure_port("127.0.0.1:0", credentials)
    server.start()
    print(port, flush=True)
    sys.stdin.read()
    server.stop(grace=None).wait()


if __name__ == "__main__":
    main()
