# SPDX-License-Identifier: BSD-3-Clause
"""Runs the server of server.c and talks to it by hand: raw bytes out, answers in."""
import json
import os
import re
import signal
import socket
import subprocess
import tempfile
import time
import unittest

SERVER = os.environ["HTTP_SERVER"]
HOST = "Host: x\r\n"
LATE_S = 18  # what a server of a second's patience may take on a machine that does other things, too


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)


class Client:
    """One connection."""

    def __init__(self, sock):
        self.sock = sock
        self.sock.settimeout(20)
        self.buffer = b""

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data.encode("latin-1") if isinstance(data, str) else data)

    def more(self):
        """False: the server has closed."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b""
        self.buffer += data
        return bool(data)

    def take(self, count):
        while len(self.buffer) < count:
            if not self.more():
                raise EOFError(self.buffer)
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def line(self):
        while b"\r\n" not in self.buffer:
            if not self.more():
                raise EOFError(self.buffer)
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line.decode("latin-1")

    def closed(self):
        """Waits for the end; True when nothing more came."""
        while self.more():
            pass
        return not self.buffer

    def head(self):
        status = int(self.line().split(" ")[1])
        headers = {}
        while line := self.line():
            name, value = line.split(": ", 1)
            assert name.lower() not in headers, f"{name} twice"
            headers[name.lower()] = value
        return status, headers

    def answer(self, bodyless=False, old=False):
        status, headers = self.head()
        body = b""
        if headers.get("transfer-encoding") == "chunked":
            while size := int(self.line(), 16):
                body += self.take(size)
                self.line()
            self.line()
        elif headers.get("connection") != "keep-alive" and old and "content-length" not in headers:
            while self.more():
                pass
            body = self.take(len(self.buffer))
        elif not bodyless:
            body = self.take(int(headers.get("content-length", "0")))
        return Answer(status, headers, body)

    def ask(self, method, path, body=None, headers=(), kind="application/json", version="1.1"):
        if body is not None and not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        if isinstance(body, str):
            body = body.encode()
        lines = [f"{method} {path} HTTP/{version}", "Host: x", *headers]
        if body is not None:
            lines.append(f"Content-Length: {len(body)}")
            if kind:
                lines.append(f"Content-Type: {kind}")
        self.send(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + (body or b""))
        return self.answer(method == "HEAD", version == "1.0")


class ServerTest(unittest.TestCase):
    options = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="sluice-http-")
        cls.path = os.path.join(cls.folder.name, "run", "control.sock")
        cls.start()

    @classmethod
    def start(cls):
        cls.server = subprocess.Popen([SERVER, "-s", cls.path, *cls.options], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if cls.server.stdout.readline() != "ready\n":
            raise RuntimeError(cls.server.communicate()[1])

    @classmethod
    def stop(cls):
        """Ends as it should; under ASan that says that nothing leaked."""
        cls.server.send_signal(signal.SIGTERM)
        out, err = cls.server.communicate(timeout=20)
        if cls.server.returncode or err:
            raise RuntimeError(f"status {cls.server.returncode}: {err}")
        if os.path.exists(cls.path):
            raise RuntimeError("the socket is left behind")
        return out

    @classmethod
    def tearDownClass(cls):
        try:
            cls.stop()
        finally:
            cls.server.kill()
            cls.server.wait()
            cls.folder.cleanup()

    def client(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(self.path)
        client = Client(sock)
        self.addCleanup(client.close)
        return client

    def ask(self, *args, **kwargs):
        return self.client().ask(*args, **kwargs)

    def state(self, token=None):
        headers = [f"Authorization: Bearer {token}"] if token else []
        return self.ask("GET", "/v1/gone", headers=headers).json

    def until(self, true, seconds=20):
        end = time.monotonic() + seconds
        while not true():
            self.assertLess(time.monotonic(), end, "it did not come to be in time")
            time.sleep(0.02)

    def problem(self, answer, status, detail=""):
        """The answer is a problem document of this status, whose detail fits."""
        self.assertEqual(answer.status, status, answer.body)
        self.assertEqual(answer.headers["content-type"], "application/problem+json")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(answer.json["status"], status)
        self.assertTrue(answer.json["title"])
        self.assertTrue(re.search(detail, answer.json["detail"]), answer.json)
        return answer.json
