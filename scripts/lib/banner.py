#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""banner.py serve ADDRESS PORT NAME: tells every caller its name. banner.py ask ADDRESS PORT: prints what it is told,
or the name of the error. Used by scripts/demo to see whose server answers."""
import socket
import sys

what, address, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
if what == "serve":
    listener = socket.create_server((address, port))
    while True:
        peer, _ = listener.accept()
        with peer:
            peer.sendall(sys.argv[4].encode())
try:
    with socket.create_connection((address, port), 3) as peer:
        print(peer.recv(100).decode())
except OSError as error:
    print(type(error).__name__)
