# SPDX-License-Identifier: BSD-3-Clause
"""A scripted stand-in for the dataplane's socket, and how the tests run `sluice` against it. Used by the test_*.py
beside it, which own what the server answers."""
import json
import os
import shutil
import socket
import subprocess
import tempfile
import threading
import time
import unittest

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, os.environ.get("SLUICE_BUILD", "build"))
SLUICE = os.path.join(BUILD, "control", "sluice")


class Refusal(Exception):
    """Raised by a handler: becomes an error answer."""

    def __init__(self, code, message, **data):
        super().__init__(message)
        self.answer = {"code": code, "message": message, "data": data}


class Events:
    """Returned by a handler: a result, and notifications sent right behind it."""

    def __init__(self, result, *events, before=()):
        self.result, self.events, self.before = result, events, before


class Fake:
    """Answers each method with handlers[method](params), or with handlers[method] itself; remembers what was asked."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-cli-")
        self.path = os.path.join(self.dir, "dataplane.sock")
        self.handlers, self.asked, self.open = {}, [], []
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def close(self):
        for one in [self.listener, *self.open]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
        shutil.rmtree(self.dir)

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
            except OSError:
                return
            self.open.append(client)
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        try:
            for line in client.makefile("rb"):
                raw = self.answer(json.loads(line))
                if raw is None:
                    client.shutdown(socket.SHUT_RDWR)
                    return
                client.sendall(raw)
        except OSError:
            pass

    def answer(self, request):
        method, params = request["method"], request.get("params")
        self.asked.append((method, params))
        message = {"jsonrpc": "2.0", "id": request["id"]}
        notes = before = ()
        try:
            handler = self.handlers.get(method)
            if handler is None:
                raise Refusal(-32601, f"there is no method {method}")
            result = handler(params) if callable(handler) else handler
            if isinstance(result, bytes) or result == "hang up":
                return None if result == "hang up" else result
            if isinstance(result, Events):
                result, notes, before = result.result, result.events, result.before
            message["result"] = result
        except Refusal as refusal:
            message["error"] = refusal.answer
        lines = [*map(note, before), message, *map(note, notes)]
        return b"".join(json.dumps(one).encode() + b"\n" for one in lines)


def note(params):
    return {"jsonrpc": "2.0", "method": "event", "params": params}


class CliTest(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.assertTrue(os.access(SLUICE, os.X_OK), f"{SLUICE} is not there: meson compile -C build")
        self.fake = Fake()
        self.addCleanup(self.fake.close)

    def run_cli(self, *words, status=0, stdin=None, env=None):
        """Runs `sluice WORDS`; its (stdout, stderr)."""
        environment = {**os.environ, "SLUICE_SOCKET": self.fake.path, "TZ": "UTC", **(env or {})}
        done = subprocess.run([SLUICE, *words], input=stdin, env=environment, capture_output=True, text=True, timeout=30)
        self.assertEqual(done.returncode, status, f"sluice {' '.join(words)}\n{done.stdout}\n{done.stderr}")
        return done.stdout, done.stderr

    def out(self, *words, **how):
        return self.run_cli(*words, **how)[0]

    @staticmethod
    def patient(ask, tries=5):
        """What ask() gives. Completion offers nothing where an answer takes half a second, as one does on a machine that
        does something else: then once more."""
        for _ in range(tries):
            start = time.monotonic()
            found = ask()
            if time.monotonic() - start < 0.5:
                break
        return found

    def err(self, *words, status, **how):
        """Runs what must fail: its stderr; nothing may have gone to stdout."""
        out, err = self.run_cli(*words, status=status, **how)
        self.assertEqual(out, "")
        return err

    def table(self, text):
        """A printed table as rows of cells."""
        return [line.split() for line in text.splitlines()]

    def ask(self, method):
        """The params of the only call of a method."""
        found = [params for name, params in self.fake.asked if name == method]
        self.assertEqual(len(found), 1, self.fake.asked)
        return found[0]
