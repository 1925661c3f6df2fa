"""Calls auth.Auth/Who with a certificate and with metadata of a credentials plugin, and prints the server's answer.

    auth_client.py ADDRESS ROOTS CERTIFICATE KEY
"""

import sys

import grpc


class Plugin(grpc.AuthMetadataPlugin):
    """Says what it is told of the call, beside a token."""

    def __call__(self, context, callback):
        asked = f"{context.service_url} {context.method_name}"
        callback((("authorization", "Bearer token"), ("asked", asked)), None)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    address = sys.argv[1]
    roots, certificate, key = (read(path) for path in sys.argv[2:5])
    ssl = grpc.ssl_channel_credentials(roots, key, certificate)
    credentials = grpc.composite_channel_credentials(ssl, grpc.metadata_call_credentials(Plugin()))
    with grpc.secure_channel(address, credentials) as channel:
        sys.stdout.write(channel.unary_unary("/auth.Auth/Who")(b"", timeout=30).decode())


if __name__ == "__main__":
    main()
