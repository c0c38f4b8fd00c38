# SPDX-License-Identifier: BSD-3-Clause
"""A TCP connection that says something every millisecond and is answered, as ssh in a hurry: what is the longest time
that it stood still?"""
import select
import socket
import threading
import time

EVERY_S = 0.001


class Stream:
    """From one namespace to a TCP server on an address of another's kernel, until closed."""

    def __init__(self, source, server, address, port=2222):
        with server.entered():
            listener = socket.create_server((address, port))
        with source.entered():
            self.near = socket.create_connection((address, port), 20)
        self.far, _ = listener.accept()
        listener.close()
        for one in (self.near, self.far):
            one.setblocking(False)
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.heard = self.since = time.monotonic()
        self.longest, self.running = 0.0, True
        self.threads = [threading.Thread(target=work, daemon=True) for work in (self.answer, self.ask)]
        for thread in self.threads:
            thread.start()

    def answer(self):
        while self.running:
            if select.select([self.far], [], [], 0.1)[0]:
                data = self.far.recv(65536)
                try:
                    self.far.send(data)
                except BlockingIOError:  # a full buffer: what is missing is not asked for
                    pass

    def ask(self):
        due = time.monotonic()
        while self.running:
            due = max(due + EVERY_S, time.monotonic())
            try:
                self.near.send(b"x")
            except BlockingIOError:
                pass
            while select.select([self.near], [], [], max(0, due - time.monotonic()))[0]:
                self.near.recv(65536)
                now = time.monotonic()
                self.longest = max(self.longest, now - self.heard)
                self.heard = now

    def begin(self):
        """What comes now is measured anew."""
        self.heard = self.since = time.monotonic()
        self.longest = 0.0

    def hole(self):
        """The longest stillness since begin(), in ms; one that lasts counts as far as it has come."""
        return 1000 * max(self.longest, time.monotonic() - self.heard)

    def close(self):
        self.running = False
        for thread in self.threads:
            thread.join()
        self.near.close()
        self.far.close()
