# SPDX-License-Identifier: BSD-3-Clause
"""A small JSON-RPC client for the switch's unix socket: one JSON message a line, answers in order (contract.md).
Called by everything in bench/ that configures or reads the switch; owns its socket."""
import json
import socket
import time


class RpcError(Exception):
    """The switch answered with an error."""

    def __init__(self, method, error):
        self.code, self.data = error.get("code"), error.get("data")
        detail = f" {json.dumps(self.data)}" if self.data else ""
        super().__init__(f"{method}: {error.get('message')} ({self.code}){detail}")


def encode(method, params=None, ident=1):
    """One request as the bytes that go on the wire."""
    message = {"jsonrpc": "2.0", "id": ident, "method": method}
    if params is not None:
        message["params"] = params
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class Client:
    def __init__(self, path, timeout=30.0):
        self.path, self.timeout, self.ident, self.pending = path, timeout, 0, b""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(timeout)
        try:
            self.sock.connect(path)
        except OSError:
            self.sock.close()
            raise

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *unused):
        self.close()

    def send(self, method, params=None):
        self.ident += 1
        self.sock.sendall(encode(method, params, self.ident))
        return self.ident

    def read_line(self):
        """The next whole line from the switch, without its newline."""
        chunks = [self.pending]
        try:
            while b"\n" not in chunks[-1]:
                data = self.sock.recv(1 << 20)
                if not data:
                    raise ConnectionError("the switch closed the connection")
                chunks.append(data)
        finally:
            self.pending = b"".join(chunks)  # half a line, when its time is over: the rest may come
        line, _, self.pending = self.pending.partition(b"\n")
        return line

    def receive(self, method="?"):
        """The next answer; notifications (no id) are passed over."""
        while True:
            message = json.loads(self.read_line())
            if "id" not in message:
                continue
            if "error" in message:
                raise RpcError(method, message["error"])
            return message.get("result")

    def call(self, method, params=None):
        self.send(method, params)
        return self.receive(method)

    # The few shapes of call that the benchmarks need.

    def put(self, kind, objects, chunk=50000):
        """Puts any number of objects, in messages that stay under the 16 MiB of a line."""
        for start in range(0, len(objects), chunk):
            self.call("put", {"type": kind, "objects": objects[start:start + chunk]})

    def stats(self, kind, keys=None):
        params = {"type": kind} if keys is None else {"type": kind, "keys": keys}
        return self.call("stats", params)["objects"]

    def drops(self):
        return {name: count for name, count in self.call("drops").items() if isinstance(count, int)}


def connect(path, seconds=30.0, alive=lambda: True):
    """Waits until the switch listens; alive() False ends the wait early."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            client = Client(path)
            client.call("hello")
            return client
        except (OSError, ConnectionError):
            if not alive():
                raise ConnectionError("the switch ended before it listened") from None
            if time.monotonic() > deadline:
                raise ConnectionError(f"nothing listens on {path} after {seconds:.0f} s") from None
            time.sleep(0.1)
