# SPDX-License-Identifier: BSD-3-Clause
"""control/http: clients that are slow, that go, that do not read, that are too many; answers later and streams."""
import json
import os
import socket
import time
import unittest

from http_rig import HOST, LATE_S, ServerTest

GET = f"GET /v1/small HTTP/1.1\r\n{HOST}\r\n"


def lasts(client):
    start = time.monotonic()
    client.closed()
    return time.monotonic() - start


class Deadlines(ServerTest):
    options = ("-R", "1", "-I", "60")  # far apart: which of them ended it shows however slow the machine is

    def test_headers_a_byte_at_a_time_end_at_the_deadline(self):
        client, start = self.client(), time.monotonic()
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            for byte in f"GET /v1/small HTTP/1.1\r\n{HOST}X: " + "x" * 1000:
                client.send(byte)
                time.sleep(0.05)
        self.assertLess(time.monotonic() - start, LATE_S)
        self.assertGreater(time.monotonic() - start, 0.9)
        self.assertGreater(self.state()["timeouts"], 0)

    def test_body_a_byte_at_a_time_ends_at_the_deadline(self):
        client, start = self.client(), time.monotonic()
        client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}Content-Length: 1000\r\n\r\n")
        with self.assertRaises((BrokenPipeError, ConnectionResetError)):
            while True:
                client.send("x")
                time.sleep(0.05)
        self.assertLess(time.monotonic() - start, LATE_S)

    def test_body_too_large_to_wait_for_ends_at_the_deadline(self):
        client = self.client()
        client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}Content-Length: 9000000000000000000\r\n\r\n")
        self.assertLess(lasts(client), LATE_S)

    def test_second_request_has_a_deadline_of_its_own(self):
        client = self.client()
        for _ in range(4):
            self.assertEqual(client.ask("GET", "/v1/small").status, 200)
            time.sleep(0.5)
        client.send("GET /v1/sm")
        self.assertLess(lasts(client), LATE_S)

    def test_half_a_request_behind_an_answered_one_has_a_deadline(self):
        client = self.client()
        client.send(GET + "GET /v1/sm")
        client.answer()
        self.assertLess(lasts(client), LATE_S)


class Idle(ServerTest):
    options = ("-R", "1", "-I", "3")

    def test_idle_connections_are_closed_later(self):
        start = time.monotonic()
        fresh, used = self.client(), self.client()
        used.ask("GET", "/v1/small")
        for client in used, fresh:
            client.closed()
            self.assertGreater(time.monotonic() - start, 2.7)
            self.assertLess(time.monotonic() - start, LATE_S)

    def test_answer_later_than_all_deadlines_comes(self):
        self.assertEqual(self.ask("GET", "/v1/later?ms=4000").json, {"late": True})

    def test_stream_lives_longer_than_all_deadlines(self):
        answer = self.ask("GET", "/v1/stream?count=9&ms=500")
        self.assertEqual(answer.body, b"data: y\n\n" * 9)

    def test_client_that_does_not_read_its_answer_is_closed(self):
        client = self.client()
        client.send(f"GET /v1/big HTTP/1.1\r\n{HOST}\r\n")
        self.until(lambda: self.state()["references"] == 0)
        self.assertFalse(client.closed())  # what was in the socket's buffer


class Going(ServerTest):
    def gone(self, line):
        return self.state()["gone"].count(line)

    def test_client_that_goes_before_a_late_answer_is_noticed(self):
        for close in ("close", "reset"):
            before = self.gone("GET /v1/later")
            client = self.client()
            client.send(f"GET /v1/later?ms=60000 HTTP/1.1\r\n{HOST}\r\n")
            time.sleep(0.05)
            if close == "reset":
                client.send("x" * 100)
            client.close()
            self.until(lambda: self.gone("GET /v1/later") == before + 1)

    def test_client_that_has_only_shut_its_side_gets_all_its_answers(self):
        """As "nc -N" does, with requests one behind the other, and the last one in part."""
        for method in ("GET", "POST"):
            before = self.gone(f"{method} /v1/later")
            client = self.client()
            client.send(f"{method} /v1/later?ms=200 HTTP/1.1\r\n{HOST}\r\n" * 2 + GET + "GET /v1/sm")
            client.sock.shutdown(socket.SHUT_WR)
            self.assertEqual([client.answer().json for _ in range(2)], [{"late": True}] * 2)
            self.assertEqual(client.answer().status, 200)
            self.assertTrue(client.closed())
            self.assertEqual(self.gone(f"{method} /v1/later"), before)

    def test_body_that_is_long_to_parse_is_answered_to_who_has_shut(self):
        body = json.dumps({"a": ["x" * 90] * 5000})
        client = self.client()
        client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}Content-Length: {len(body)}\r\n\r\n{body}")
        client.sock.shutdown(socket.SHUT_WR)
        self.assertEqual(client.answer().json["body"], json.loads(body))
        self.assertTrue(client.closed())

    def test_change_of_who_has_left_is_made(self):
        watcher = self.client()
        state = lambda: watcher.ask("GET", "/v1/gone").json
        before = self.gone("POST /v1/later")
        client = self.client()
        client.send(f"POST /v1/later?ms=300 HTTP/1.1\r\n{HOST}\r\n")
        client.close()
        there = state()["connections"]
        self.until(lambda: state()["connections"] < there)
        self.assertEqual(self.gone("POST /v1/later"), before)

    def test_late_answer_that_nobody_waits_for_is_dropped(self):
        for _ in range(10):
            client = self.client()
            client.send(f"GET /v1/later?ms=100&deaf=1 HTTP/1.1\r\n{HOST}\r\n")
            client.close()
        time.sleep(0.3)
        self.assertEqual(self.ask("GET", "/v1/small").status, 200)

    def test_client_that_goes_from_a_stream_is_noticed(self):
        before = self.gone("GET /v1/stream")
        client = self.client()
        client.send(f"GET /v1/stream?count=0&ms=10000&now=1 HTTP/1.1\r\n{HOST}\r\n")
        client.head()
        self.assertEqual(self.state()["streams"], 1)
        client.close()
        self.until(lambda: self.gone("GET /v1/stream") == before + 1)
        self.assertEqual(self.state()["streams"], 0)

    def test_stream_that_nobody_reads_is_cut_off(self):
        before = self.gone("GET /v1/stream")
        client = self.client()
        client.send(f"GET /v1/stream?count=0&ms=1&bytes=50000 HTTP/1.1\r\n{HOST}\r\n")
        self.until(lambda: self.gone("GET /v1/stream") == before + 1)
        self.assertEqual(self.state()["streams"], 0)
        self.assertFalse(client.closed())

    def test_first_chunk_too_large_within_the_handler_is_cut_off(self):
        before = self.gone("GET /v1/stream")
        client = self.client()
        client.send(f"GET /v1/stream?count=0&bytes=1048576&now=1 HTTP/1.1\r\n{HOST}\r\n")
        client.closed()
        self.until(lambda: self.gone("GET /v1/stream") == before + 1)

    def test_old_http_stream_ends_with_its_connection(self):
        for headers in ([], ["Connection: keep-alive"]):
            client = self.client()
            client.send("GET /v1/stream?count=2 HTTP/1.0\r\n" + "".join(h + "\r\n" for h in headers) + "\r\n")
            while client.more():
                pass
            self.assertTrue(client.buffer.endswith(b"\r\n\r\n" + b"data: y\n\n" * 2), client.buffer)

    def test_stream_that_ended_leaves_the_connection_usable(self):
        client = self.client()
        self.assertEqual(client.ask("GET", "/v1/stream").body, b"data: y\n\n" * 3)
        self.assertEqual(client.ask("GET", "/v1/small").status, 200)

    def test_clients_that_go_at_any_moment_leave_nothing(self):
        whole = f"POST /v1/echo HTTP/1.1\r\n{HOST}Content-Length: 7\r\n\r\n" + '{"a":1}'
        for cut in range(0, len(whole) + 1, 3):
            client = self.client()
            client.send(whole[:cut])
            client.close()
        for _ in range(20):
            client = self.client()
            client.send(f"GET /v1/big HTTP/1.1\r\n{HOST}\r\n")
            client.sock.recv(1000)
            client.close()
        self.until(lambda: self.state()["connections"] == 1)
        self.assertEqual(self.state()["references"], 0)


class Large(ServerTest):
    BODY = "[" + "1," * 1000000 + "1]"

    def send(self):
        client = self.client()
        client.sock.settimeout(60)  # parsed and echoed one after the other, under sanitizers, on a busy machine
        client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}Content-Length: {len(self.BODY)}\r\n\r\n{self.BODY}")
        return client

    def test_large_bodies_are_answered_one_by_one_and_pipelined(self):
        clients = [self.send() for _ in range(3)]
        clients[0].send(GET)
        for client in clients:
            self.assertEqual(len(client.answer().json["body"]), 1000001)
        self.assertEqual(clients[0].answer().status, 200)

    def test_client_that_goes_while_its_body_is_parsed_leaves_nothing(self):
        for _ in range(5):
            self.send().close()
        client = self.client()
        self.assertEqual(client.ask("GET", "/v1/small").status, 200)
        self.until(lambda: client.ask("GET", "/v1/gone").json["connections"] == 1)
        for _ in range(2):  # and the server is stopped while it parses
            self.send()


class Stopping(ServerTest):
    def test_stop_with_everything_open(self):
        for path in ("/v1/later?ms=60000", "/v1/later?ms=60000&deaf=1", "/v1/stream?count=0&ms=1", "/v1/big"):
            for _ in range(3):
                self.client().send(f"GET {path} HTTP/1.1\r\n{HOST}\r\n")
        self.client().send("GET /v1/sm")
        self.client()
        time.sleep(0.2)
        # tearDownClass stops it


class Many(ServerTest):
    options = ("-C", "20",)

    def test_connection_over_the_limit_is_told_and_closed(self):
        clients = [self.client() for _ in range(20)]
        self.assertEqual([client.ask("GET", "/v1/small").status for client in clients], [200] * 20)
        one_more = self.client()
        self.problem(one_more.answer(), 503, "too many connections")
        one_more.closed()
        self.assertEqual(clients[0].ask("GET", "/v1/gone").json["refused_connections"], 1)
        clients[0].close()

        def served():
            try:
                return self.client().ask("GET", "/v1/small").status == 200
            except (OSError, EOFError):  # told, and closed
                return False
        self.until(served)


class Users(ServerTest):
    """Of the unix socket: each has a share, and admins' places are theirs."""
    options = ("-C", "24", "-E", "6")

    def client_of(self, uid):
        os.seteuid(uid)
        try:
            return self.client()
        finally:
            os.seteuid(0)

    def served(self, client):
        return client.ask("GET", "/v1/small").status == 200

    def setUp(self):
        for folder in self.folder.name, os.path.dirname(self.path):
            os.chmod(folder, 0o755)
        os.chmod(self.path, 0o666)

    def test_users_keep_to_their_share_and_root_always_gets_in(self):
        for uid in 4001, 4002, 4003:
            clients = [self.client_of(uid) for _ in range(6)]
            self.assertTrue(all(map(self.served, clients)))
            more = self.client_of(uid)
            self.problem(more.answer(), 503, "too many connections")
            self.assertTrue(more.closed())
        last = [self.client_of(4004) for _ in range(3)]
        self.assertTrue(all(map(self.served, last)))  # 21 of 24
        self.problem(self.client_of(4004).answer(), 503, "too many connections")
        roots = [self.client() for _ in range(3)]
        self.assertTrue(all(map(self.served, roots)))
        self.problem(self.client().answer(), 503, "too many connections")
        roots[0].close()
        self.until(lambda: roots[1].ask("GET", "/v1/gone").json["connections"] == 23)
        self.problem(self.client_of(4004).answer(), 503, "too many connections")  # not for them
        self.assertTrue(self.served(self.client()))
        last[0].close()
        self.until(lambda: roots[1].ask("GET", "/v1/gone").json["connections"] == 23)
        self.assertTrue(self.served(self.client_of(4004)))

    def test_root_may_have_more_than_a_share(self):
        self.assertTrue(all(map(self.served, [self.client() for _ in range(12)])))


class Descriptors(ServerTest):
    @classmethod
    def start(cls):
        import resource
        limits = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (24, limits[1]))
        try:
            super().start()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)

    def test_out_of_descriptors_waits_without_spinning(self):
        clients = [self.client() for _ in range(40)]

        def cpu_ticks():
            with open(f"/proc/{self.server.pid}/stat") as stat:
                fields = stat.read().rsplit(") ", 1)[1].split()
            return int(fields[11]) + int(fields[12])

        time.sleep(0.3)
        before = cpu_ticks()
        time.sleep(1)
        self.assertLess(cpu_ticks() - before, 20)  # of 100
        for client in clients[:30]:
            client.close()
        self.assertEqual(clients[39].ask("GET", "/v1/small").status, 200)


class Flood(ServerTest):
    options = ("-B", str(1 << 20))

    def test_bytes_behind_waiting_requests_are_bounded(self):
        def rss():
            with open(f"/proc/{self.server.pid}/statm") as statm:
                return int(statm.read().split()[1]) * os.sysconf("SC_PAGESIZE")

        with open(f"/proc/{self.server.pid}/maps") as maps:
            if "asan" in maps.read():
                self.skipTest("AddressSanitizer keeps what is freed")
        before = rss()
        for _ in range(40):
            client = self.client()
            client.send(f"GET /v1/later?ms=60000 HTTP/1.1\r\n{HOST}\r\n")
            time.sleep(0.01)
            client.sock.settimeout(0.05)
            try:
                for _ in range(40):
                    client.send(b"x" * 65536)
            except OSError:
                pass
        self.assertLess(rss() - before, 32 << 20)
        self.assertEqual(self.ask("GET", "/v1/small").status, 200)


if __name__ == "__main__":
    unittest.main()
