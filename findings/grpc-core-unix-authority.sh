#!/bin/bash
# gRPC's core (grpcio in Python, and C++, Ruby, PHP on it) sends the percent-encoded path of a Unix socket as :authority
# ("%2Ftmp%2Fx.sock"), which is no authority of RFC 3986, 3.2 as servers built on hyper's h2 read it: they reset the stream with
# PROTOCOL_ERROR, and the client says "RST_STREAM with error code 1". With the channel option grpc.default_authority it is what the
# option says. grpc-go sends "localhost".
#
# Seen with grpcio 1.85.3, Python 3.11, Linux x86-64:
#
#   by default: %2F in the path's place
#   with the option: localhost
#
# Fails when the path is no longer sent. Needs Python 3 with venv, and pip.
set -euo pipefail

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check grpcio==1.85.3
"$work/venv/bin/python" - "$work/x.sock" << 'PYTHON'
import socket
import sys
import threading

import grpc

path = sys.argv[1]
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()


def heard(options):
    """What a client sends in its first second: its headers are literals that can be read."""
    got = bytearray()

    def serve():
        client, _ = listener.accept()
        client.settimeout(1)
        # An empty SETTINGS frame, which it waits for.
        client.sendall(bytes([0, 0, 0, 4, 0, 0, 0, 0, 0]))
        try:
            while chunk := client.recv(4096):
                got.extend(chunk)
        except TimeoutError:
            pass
        client.close()

    thread = threading.Thread(target=serve)
    thread.start()
    with grpc.insecure_channel(f"unix:{path}", options=options) as channel:
        try:
            channel.unary_unary("/a.B/C")(b"", timeout=2)
        except grpc.RpcError:
            pass
    thread.join()
    return bytes(got)


by_default = heard([])
with_option = heard([("grpc.default_authority", "localhost")])
print("by default:", "%2F in the path's place" if b"%2F" in by_default else by_default)
print("with the option:", "localhost" if b"localhost" in with_option else with_option)
assert b"%2F" in by_default and b"%2F" not in with_option and b"localhost" in with_option
PYTHON
