# SPDX-License-Identifier: BSD-3-Clause
"""A scripted stand-in for sluice-control's HTTP on a unix socket. Used by test_control_*.py, which own what it
answers."""
import http.server
import json
import os
import shutil
import socketserver
import sys
import tempfile
import threading

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from fake import CliTest  # noqa: E402


class Asked:
    def __init__(self, handler):
        length = int(handler.headers.get("Content-Length") or 0)
        self.method, self.headers = handler.command, handler.headers
        self.path, _, self.query = handler.path.partition("?")
        self.text = handler.rfile.read(length).decode()
        self.body = json.loads(self.text) if self.text else None

    def __repr__(self):
        return f"{self.method} {self.path}?{self.query} {self.text}"


class Raw:
    """An answer as it is: bytes of a body, status, type, more headers; cut: the connection ends before its end."""

    def __init__(self, body, status=200, kind="application/json", cut=False):
        self.body, self.status, self.kind, self.cut = body, status, kind, cut


def problem(status, detail, **fields):
    return Raw(json.dumps({"type": "about:blank", "title": "No", "status": status, "detail": detail, **fields}).encode(), status,
               "application/problem+json")


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *unused):
        pass

    def address_string(self):
        return "unix"

    def answer(self):
        fake, asked = self.server.fake, Asked(self)
        fake.asked.append(asked)
        answer = fake.routes.get(f"{asked.method} {asked.path}", problem(404, f"there is no {asked.path}"))
        if callable(answer):
            answer = answer(asked)
        if answer == "hang up":
            self.close_connection = True
            return
        if not isinstance(answer, Raw):
            answer = Raw(json.dumps(answer).encode())
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.kind)
        if answer.cut or answer.kind == "text/event-stream":
            self.send_header("Connection", "close")
            if answer.cut:
                self.send_header("Content-Length", str(len(answer.body) + 10))
        elif answer.status != 204:
            self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True

    def handle_error(self, *unused):
        pass  # the program under test may go at any time


class FakeControl:
    """Answers each "METHOD /path" with routes[...] or routes[...](asked); remembers what was asked."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-cli-")
        self.path = os.path.join(self.dir, "control.sock")
        self.routes, self.asked = {}, []
        self.server = Server(self.path, Handler)
        self.server.fake = self
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        shutil.rmtree(self.dir)


class ControlTest(CliTest):
    def setUp(self):
        super().setUp()
        self.control = FakeControl()
        self.addCleanup(self.control.close)
        self.routes = self.control.routes

    def run_cli(self, *words, env=None, **how):
        return super().run_cli(*words, env={"SLUICE_CONTROL": self.control.path, **(env or {})}, **how)

    def asked(self, which=-1):
        return self.control.asked[which]

    def file(self, name, text):
        path = os.path.join(self.control.dir, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path
