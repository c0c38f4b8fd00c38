# SPDX-License-Identifier: BSD-3-Clause
"""control/http on TCP: TLS, certificates, tokens, limits of addresses and rates."""
import ctypes
import os
import signal
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from http_rig import Client, HOST, LATE_S, SERVER, ServerTest

FOLDER = tempfile.TemporaryDirectory(prefix="sluice-tls-")
PORT = 20000 + os.getpid() % 20000
CLONE_NEWNET = 0x40000000


def file(name):
    return os.path.join(FOLDER.name, name)


def openssl(*args):
    subprocess.run(["openssl", *args], check=True, capture_output=True)


def certificate(name, *more):
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=" + name,
            "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", file(name + ".key"), "-out", file(name + ".pem"), *more)


def setUpModule():
    if not ctypes.CDLL(None).unshare(CLONE_NEWNET):  # as root; the port is nobody else's
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    for name in ("one", "two", "client"):
        certificate(name)
    openssl("pkey", "-in", file("one.key"), "-aes256", "-passout", "pass:x", "-out", file("locked.key"))
    with open(file("junk.pem"), "w") as out:
        out.write("junk\n")


def tearDownModule():
    FOLDER.cleanup()


def bearer(token):
    return [f"Authorization: Bearer {token}"]


ADMIN = bearer("t-admin")


class TlsTest(ServerTest):
    more = ()

    @classmethod
    def setUpClass(cls):
        cls.options = ("-l", f"127.0.0.1:{PORT}", "-c", file("server.pem"), "-k", file("server.key"), *cls.more)
        cls.use("one")
        super().setUpClass()

    @staticmethod
    def use(name):
        for kind in (".pem", ".key"):
            with open(file(name + kind)) as source, open(file("server" + kind), "w") as out:
                out.write(source.read())

    def raw(self, source="127.0.0.1"):
        sock = socket.create_connection(("127.0.0.1", PORT), timeout=20, source_address=(source, 0))
        self.addCleanup(sock.close)
        return sock

    def tls(self, trusted="one", source="127.0.0.1", **options):
        context = ssl.create_default_context(cafile=file(trusted + ".pem"))
        for name, value in options.items():
            if name == "cert":
                context.load_cert_chain(file(value + ".pem"), file(value + ".key"))
            elif name == "alpn":
                context.set_alpn_protocols(value)
            else:
                setattr(context, name, value)
        client = Client(context.wrap_socket(self.raw(source), server_hostname="127.0.0.1"))
        self.addCleanup(client.close)
        return client


class Tls(TlsTest):
    more = ("-R", "1", "-I", "60", "-E", "10")

    def test_answers_over_tls(self):
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            client = self.tls(maximum_version=version)
            for _ in range(10):
                self.assertEqual(client.ask("GET", "/v1/small", headers=ADMIN).status, 200)
            self.assertEqual(len(client.ask("GET", "/v1/big", headers=ADMIN).body), 4 << 20)
            self.assertEqual(client.ask("POST", "/v1/echo", {"a": "x" * 300000}, headers=ADMIN).status, 200)
            self.assertEqual(client.ask("GET", "/v1/stream", headers=ADMIN).body, b"data: y\n\n" * 3)

    def test_end_of_a_stream_that_comes_before_word_of_what_was_written(self):
        for version in ("1.1", "1.0"):
            client = self.tls()
            self.assertEqual(client.ask("GET", "/v1/stream?ms=1&busy=5&count=20", headers=ADMIN, version=version).body, b"data: y\n\n" * 20)
        client = self.tls()
        for _ in range(3):
            self.assertEqual(client.ask("GET", "/v1/stream?ms=1&busy=5", headers=ADMIN).body, b"data: y\n\n" * 3)

    def test_old_tls_is_refused(self):
        with self.assertRaises(ssl.SSLError):
            self.tls(maximum_version=ssl.TLSVersion.TLSv1_1, minimum_version=ssl.TLSVersion.TLSv1)

    def test_http11_is_chosen(self):
        client = self.tls(alpn=["h2", "http/1.1"])
        self.assertEqual(client.sock.selected_alpn_protocol(), "http/1.1")

    def test_errors_of_the_parser_are_problems_over_tls(self):
        client = self.tls()
        client.send(f"nonsense\r\n\r\n")
        self.problem(client.answer(), 400)
        client = self.tls()
        client.ask("GET", "/v1/small", headers=ADMIN)
        client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}{ADMIN[0]}\r\nContent-Length: 3\r\nExpect: miracles\r\n\r\n")
        self.problem(client.answer(), 417)

    def test_plain_http_on_the_tls_port_gets_nothing(self):
        client = Client(self.raw())
        client.send(f"GET /open HTTP/1.1\r\n{HOST}\r\n")
        while client.more():
            pass
        self.assertNotIn(b"HTTP/1.1 200", client.buffer)

    def test_without_a_token_only_role_none_is_served(self):
        self.assertEqual(self.tls().ask("GET", "/open").status, 200)
        for path in ("/v1/small", "/v1/no/such/path", "/", "/v1/names/a", "/v1/../x"):
            answer = self.tls().ask("GET", path)
            self.problem(answer, 401)
            self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="sluice"')
        self.problem(self.tls().ask("POST", "/v1/small", {}), 401)

    def test_tokens_decide_over_tcp(self):
        answer = self.tls().ask("POST", "/v1/echo", {}, headers=bearer("t-tenant")).json
        self.assertEqual((answer["who"], answer["role"], answer["tenant"], answer["source"]), ("acme", "tenant", "acme", "127.0.0.1"))
        answer = self.tls().ask("GET", "/v1/small", headers=bearer("t-old"))
        self.problem(answer, 401, "expired")
        self.assertEqual(answer.headers["www-authenticate"], 'Bearer realm="sluice", error="invalid_token"')
        self.problem(self.tls().ask("PUT", "/v1/names/a", {}, headers=bearer("t-viewer")), 403)
        self.assertIn("viewer|127.0.0.1|PUT /v1/names/a|403|want role operator or more, got viewer", self.state()["audit"])

    def test_handshake_that_does_not_end_is_closed(self):
        for start in (b"", b"\x16\x03\x01\x02\x00\x01"):
            sock, begin = self.raw(), time.monotonic()
            sock.sendall(start)
            self.assertEqual(sock.recv(100), b"")
            self.assertLess(time.monotonic() - begin, LATE_S)

    def test_slow_request_over_tls_ends_at_the_deadline(self):
        client, begin = self.tls(), time.monotonic()
        client.send("GET /v1/sm")
        client.closed()
        self.assertLess(time.monotonic() - begin, LATE_S)

    def test_one_address_has_so_many_connections(self):
        clients = [self.tls(source="127.0.0.9") for _ in range(10)]
        self.assertEqual(self.raw("127.0.0.9").recv(100), b"")
        self.assertEqual(self.tls(source="127.0.0.8").ask("GET", "/open").status, 200)
        self.assertEqual(clients[0].ask("GET", "/open").status, 200)

    def test_client_that_goes_is_noticed(self):
        before = self.state()["gone"].count("GET /v1/later")
        for _ in range(2):
            client = self.tls()
            client.send(f"GET /v1/later?ms=60000 HTTP/1.1\r\n{HOST}{ADMIN[0]}\r\n\r\n")
            time.sleep(0.1)
            client.close()
        self.until(lambda: self.state()["gone"].count("GET /v1/later") == before + 2)

    def test_reload_takes_the_new_certificate_and_keeps_the_old_over_a_bad_one(self):
        old = self.tls("one")
        self.use("two")
        self.server.send_signal(signal.SIGHUP)
        self.assertEqual(self.server.stdout.readline(), "reload 0 \n")
        self.assertEqual(self.tls("two").ask("GET", "/open").status, 200)
        self.assertEqual(old.ask("GET", "/open").status, 200)
        with open(file("server.pem"), "w") as out:
            out.write("junk\n")
        self.server.send_signal(signal.SIGHUP)
        self.assertRegex(self.server.stdout.readline(), r"reload -22 certificate .*server.pem: .*; give a PEM file")
        self.assertEqual(self.tls("two").ask("GET", "/open").status, 200)
        self.use("one")
        self.server.send_signal(signal.SIGHUP)
        self.server.stdout.readline()


class Idle(TlsTest):
    more = ("-R", "1", "-I", "3")

    def test_idle_after_the_handshake_waits_for_idle_s(self):
        begin = time.monotonic()
        client = self.tls()
        client.closed()
        self.assertGreater(time.monotonic() - begin, 2.7)
        self.assertLess(time.monotonic() - begin, LATE_S)


class Rates(TlsTest):
    more = ("-Q", "20")

    def burst(self, client, path, headers=lambda number: ()):
        """40 requests at once: the answers, some of them 429. However slow it is, no more pass than may."""
        for _ in range(10):
            begin = time.monotonic()
            client.send("".join(f"GET {path} HTTP/1.1\r\n{HOST}" + "".join(h + "\r\n" for h in headers(number)) + "\r\n"
                                for number in range(40)))
            answers = [client.answer() for _ in range(40)]
            refused = [answer for answer in answers if answer.status == 429]
            self.assertGreaterEqual(len(refused), 40 - 20 - 20 * (time.monotonic() - begin) - 1)
            if refused:
                return answers, refused
            time.sleep(1)
        self.fail("none of 40 at once is refused")

    def test_address_and_tokens_each_have_a_rate(self):
        client = self.tls()
        _, refused = self.burst(client, "/open")
        self.problem(refused[0], 429, "20 requests a second")
        self.assertEqual(refused[0].headers["retry-after"], "1")
        # another address, a token, and the unix socket are not held back
        self.assertEqual(self.tls(source="127.0.0.7").ask("GET", "/open").status, 200)
        self.assertEqual(client.ask("GET", "/v1/small", headers=ADMIN).status, 200)
        self.assertEqual([self.ask("GET", "/v1/small").status for _ in range(50)], [200] * 50)
        time.sleep(1)
        self.assertEqual([client.ask("GET", "/open").status for _ in range(15)], [200] * 15)

    def test_unknown_tokens_are_counted_to_the_address(self):
        client = self.tls(source="127.0.0.6")
        answers, _ = self.burst(client, "/v1/small", lambda number: bearer(f"guess{number}"))
        self.assertEqual({answer.status for answer in answers} - {401}, {429})


class ClientCertificates(TlsTest):
    @classmethod
    def setUpClass(cls):
        cls.more = ("-a", file("client.pem"))
        super().setUpClass()

    def test_client_needs_a_certificate_of_the_ca(self):
        self.assertEqual(self.tls(cert="client").ask("GET", "/open").status, 200)
        for options in ({}, {"cert": "two"}):
            with self.assertRaises((ssl.SSLError, EOFError, ConnectionError)):
                self.tls(**options).ask("GET", "/open")


class Refused(unittest.TestCase):
    def refused(self, message, *options):
        run = subprocess.run([SERVER, *options], capture_output=True, text=True, timeout=20)
        self.assertEqual(run.returncode, 1)
        self.assertRegex(run.stderr, message)

    def test_start_says_what_is_wrong(self):
        listen = ("-l", f"127.0.0.1:{PORT}")
        self.refused("TCP is served with TLS only; give a certificate", *listen)
        self.refused("certificate /no/such.pem: No such file or directory; give a PEM", *listen, "-c", "/no/such.pem", "-k", file("one.key"))
        self.refused("key /no/such.key: No such file", *listen, "-c", file("one.pem"), "-k", "/no/such.key")
        self.refused("certificate .*junk.pem: .*; give a PEM file with the server's certificate", *listen, "-c", file("junk.pem"), "-k", file("one.key"))
        self.refused("key .*junk.pem: .*; give a PEM file with the private key", *listen, "-c", file("one.pem"), "-k", file("junk.pem"))
        self.refused("key .*locked.key: .*without a passphrase", *listen, "-c", file("one.pem"), "-k", file("locked.key"))
        self.refused("key .*two.key does not belong to certificate .*one.pem", *listen, "-c", file("one.pem"), "-k", file("two.key"))
        self.refused("client CA .*junk.pem: ", *listen, "-c", file("one.pem"), "-k", file("one.key"), "-a", file("junk.pem"))
        pair = ("-c", file("one.pem"), "-k", file("one.key"))
        for address in ("127.0.0.1", ":80", "::1:80", "localhost:80", "127.0.0.1:", "127.0.0.1:x"):
            self.refused("want ADDR:PORT", "-l", address, *pair)
        self.refused("listen 198.18.0.1:1: Cannot assign", "-l", "198.18.0.1:1", *pair)
        self.refused("/dev/null is there, and is no socket: move it away", "-s", "/dev/null")


if __name__ == "__main__":
    unittest.main()
