# SPDX-License-Identifier: BSD-3-Clause
# run: both alone
"""Who has no token costs nothing: neither memory, nor places, nor other people's time. SLUICE_LONG=1: for a minute."""
import contextlib
import itertools
import os
import socket
import ssl
import statistics
import subprocess
import tempfile
import threading
import time
import unittest

from api import KR, SLOW, Answer, Control, own_network, site
from http.client import HTTPSConnection

PORT = 8443
LONG = bool(os.environ.get("SLUICE_LONG"))
SECONDS = 60 if LONG else 6
V4 = [f"127.0.0.{n}" for n in range(2, 14)]
V6 = [f"2001:db8:{n:x}::{n:x}" for n in range(1, 13)] + [f"2001:db8:1::{n:x}" for n in range(2, 6)]
GET = b"GET /v1/sites HTTP/1.1\r\nHost: x\r\n"
MIB = 1 << 20


def setUpModule():
    own_network()
    for address in V6:
        subprocess.run(["ip", "addr", "add", address + "/128", "dev", "lo", "nodad"], check=True)


def address_of(source):
    return ("127.0.0.1" if "." in source else "2001:db8:1::1", PORT)


def connect(source):
    return socket.create_connection(address_of(source), timeout=5, source_address=(source, 0))


def context():
    out = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    out.check_hostname, out.verify_mode = False, ssl.CERT_NONE
    return out


def tls(source):
    return context().wrap_socket(connect(source))


# ---- hostile clients: each is called again when the server has thrown it out ----

def idle(sock, until):
    while time.monotonic() < until:
        sock.settimeout(max(0.1, until - time.monotonic()))
        if not sock.recv(100):
            return


def slow(sock, until):
    sock.sendall(GET + b"X: ")
    while time.monotonic() < until:
        sock.sendall(b"x")
        time.sleep(0.2)


def by_length(sock, until):
    sock.sendall(b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % (15 * MIB))
    for _ in range(240):
        sock.sendall(b"x" * 65536)


def chunked(sock, until):
    sock.sendall(b"POST /v1/apply HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n")
    for _ in range(240):
        sock.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def headers(sock, until):
    sock.sendall(GET)
    for number in range(100000):
        sock.sendall(b"X-%d: y\r\n" % number * 100)


def hostile(what, source, until):
    while time.monotonic() < until:
        with contextlib.suppress(OSError, ssl.SSLError):
            with contextlib.closing(tls(source)) as sock:
                what(sock, until)
        time.sleep(0.05)


def attack(seconds):
    """In a process of its own: 100 clients, and connections without a byte from as many sources as there are. What they
    compute themselves they would compute elsewhere: here it must not take the CPU that control waits for."""
    os.nice(19)
    until = time.monotonic() + seconds
    sources = itertools.cycle(V4 + V6)
    kinds = itertools.cycle((idle, slow, by_length, chunked, headers))
    threads = [threading.Thread(target=hostile, args=(next(kinds), next(sources), until), daemon=True) for _ in range(100)]
    for thread in threads:
        thread.start()
    silent = []
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            silent.append(connect(next(sources)))
        if len(silent) > 3000:
            silent.pop(0).close()
        time.sleep(0.001)


class Strangers(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="sluice-strangers-")
        self.addCleanup(folder.cleanup)
        self.cert, self.key = os.path.join(folder.name, "cert.pem"), os.path.join(folder.name, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                        "-days", "2", "-subj", "/CN=gj", "-keyout", self.key, "-out", self.cert], check=True, capture_output=True)
        self.control = Control(config={"listen": f"[::]:{PORT}", "tls": {"certificate": self.cert, "key": self.key}}).start()
        self.addCleanup(self.control.close)
        self.token = self.control.post("/v1/tokens", {"name": "op", "role": "operator"}).json["token"]

    def memory(self, what):
        with open(f"/proc/{self.control.process.pid}/status") as status:
            return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))

    def by_token(self):
        conn = HTTPSConnection("127.0.0.1", PORT, context=context(), timeout=30)
        with contextlib.closing(conn):
            conn.connect()
            begin = time.monotonic()
            conn.request("GET", "/v1/sites", headers={"Authorization": "Bearer " + self.token})
            status = Answer(conn.getresponse()).status
            return status, time.monotonic() - begin

    def by_root(self):
        begin = time.monotonic()
        status = self.control.get("/v1/sites").status
        return status, time.monotonic() - begin

    def test_hundred_hostile_clients_take_no_memory_and_hold_up_nobody(self):
        for _ in range(5):
            self.assertEqual(self.by_token()[0], 200)
        # what a client is given is given once: it is the server's size that counts
        before = self.memory("VmRSS")
        pid = os.fork()
        if not pid:
            try:
                attack(SECONDS * SLOW)
            finally:
                os._exit(0)
        took = {"root": [], "token": []}
        try:
            end = time.monotonic() + SECONDS * SLOW
            while time.monotonic() < end:
                for who, call in (("root", self.by_root), ("token", self.by_token)):
                    status, seconds = call()
                    self.assertEqual(status, 200)
                    took[who].append(seconds)
                time.sleep(0.02)
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)
        grown = self.memory("VmHWM") - before
        said = [f"grown {grown / MIB:.1f} MiB, load {os.getloadavg()[0]:.1f}"]
        for who, all_ in took.items():
            said.append(f"{who}: {len(all_)} calls, median {statistics.median(all_) * 1000:.1f} ms, 99 % within {sorted(all_)[len(all_) * 99 // 100] * 1000:.0f} ms, worst {max(all_) * 1000:.0f} ms")
        print("; ".join(said))
        for who, all_ in took.items():
            self.assertLess(sorted(all_)[len(all_) * 99 // 100], 0.1 * SLOW, said)
            self.assertLess(max(all_), 3 * SLOW, said)
        if "asan" not in os.environ.get("SLUICE_BUILD", ""):
            self.assertLess(grown, 16 * MIB, said)

    def test_places_of_others_do_not_shut_out_root_nor_a_token(self):
        silent = []
        self.addCleanup(lambda: [sock.close() for sock in silent])
        for source in V4:  # 12 of 100: the 1,024 places of TCP are taken
            for _ in range(100):
                silent.append(connect(source))
        self.assertEqual(self.by_root()[0], 200)
        for _ in range(20):
            self.assertEqual(self.by_token()[0], 200)

    def test_limit_of_an_address_is_that_of_its_64(self):
        silent = [connect(source) for source in V6[-4:] for _ in range(40)]  # 160 of one /64
        self.addCleanup(lambda: [sock.close() for sock in silent])
        closed = 0
        for sock in silent:
            sock.settimeout(0.02)
            with contextlib.suppress(TimeoutError):
                closed += sock.recv(1) == b""
        self.assertEqual(closed, 160 - 128)
        with contextlib.closing(tls(V6[5])) as sock:
            self.assertEqual(sock.version(), "TLSv1.3")

    def test_plain_http_on_the_tls_port_is_told(self):
        sock = connect(V4[0])
        self.addCleanup(sock.close)
        sock.sendall(GET + b"\r\n")
        answer = sock.recv(1000).decode()
        self.assertIn("400 Bad Request", answer)
        self.assertIn("this port speaks TLS; ask with https://", answer)

    def test_stranger_gets_no_more_than_64_kib_taken(self):
        for kind in (by_length, chunked):
            with contextlib.closing(tls(V4[1])) as sock:
                with self.assertRaises(OSError):
                    kind(sock, 0)


class Bodies(unittest.TestCase):
    """Bodies that are allowed, and large: other people do not wait for them. (Too many values: test_tenants.)"""

    @classmethod
    def setUpClass(cls):
        cls.control = Control().start()
        cls.control.put("/v1/sites/gj", site("gj", "lan"))

    @classmethod
    def tearDownClass(cls):
        cls.control.close()

    def test_bodies_but_of_apply_are_a_mebibyte_for_tenants(self):
        body = b'{"name":"x","endpoints":[' + b"1000000," * (MIB // 8) + b"1]}"
        answer = self.control.post("/v1/slices", body, uid=KR)
        self.assertEqual(answer.status, 413)
        self.assertIn("1048576 bytes", answer.json["detail"])
        self.assertEqual(self.control.post("/v1/apply", body, uid=KR).status, 422)
        self.assertEqual(self.control.post("/v1/slices", body).status, 422)  # root

    def test_parsing_of_a_large_body_holds_up_nobody(self):
        bodies = [b'{"documents":[],' + b",".join(b'"k%d":1' % number for number in range(1100000)) + b"}",
                  b'{"documents":[' + b"1000000," * 1900000 + b"1]}"]  # as many values as one may have
        worst, done = [0.0], threading.Event()

        def others():
            with contextlib.closing(self.control.connection()) as conn:
                while not done.is_set():
                    begin = time.monotonic()
                    conn.request("GET", "/v1/sites/gj")
                    conn.getresponse().read()
                    worst[0] = max(worst[0], time.monotonic() - begin)
                    time.sleep(0.005)
        thread = threading.Thread(target=others)
        thread.start()
        try:
            for body in bodies:
                self.assertEqual(self.control.post("/v1/apply", body).status, 422)
            time.sleep(0.5)
        finally:
            done.set()
            thread.join()
        print(f"others waited {worst[0] * 1000:.0f} ms at worst, load {os.getloadavg()[0]:.1f}")
        self.assertLess(worst[0], 0.5 * SLOW)


if __name__ == "__main__":
    unittest.main()
