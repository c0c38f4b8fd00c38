# SPDX-License-Identifier: BSD-3-Clause
"""control/http on the unix socket: routes, bodies, answers, who may; what bad clients send."""
import hashlib
import os
import socket
import stat
import time
import unittest

from http_rig import HOST, ServerTest


class Routes(ServerTest):
    def test_socket_has_mode_0660_in_a_folder_that_was_made(self):
        self.assertEqual(stat.S_IMODE(os.stat(self.path).st_mode), 0o660)

    def test_answers_follow_each_other_on_one_connection(self):
        client = self.client()
        for _ in range(50):
            answer = client.ask("GET", "/v1/small")
            self.assertEqual((answer.status, answer.json["state"]), (200, "ok"))
        self.assertEqual(answer.headers["cache-control"], "no-store")
        self.assertEqual(answer.headers["x-content-type-options"], "nosniff")
        self.assertNotIn("server", answer.headers)
        self.assertNotIn("access-control-allow-origin", answer.headers)

    def test_pipelined_requests_are_answered_in_order(self):
        client = self.client()
        client.send("".join(f"GET /v1/names/n{i} HTTP/1.1\r\n{HOST}\r\n" for i in range(20)))
        for i in range(20):
            self.assertEqual(client.answer().json["name"], f"n{i}")

    def test_pipelined_behind_a_late_answer_waits_for_it(self):
        client = self.client()
        client.send(f"GET /v1/later?ms=200 HTTP/1.1\r\n{HOST}\r\n")
        time.sleep(0.05)
        client.send(f"GET /v1/small HTTP/1.1\r\n{HOST}\r\n")
        self.assertEqual(client.answer().json, {"late": True})
        self.assertEqual(client.answer().json["state"], "ok")

    def test_literal_goes_before_parameter(self):
        self.assertEqual(self.ask("GET", "/v1/names/special").json["state"], "ok")
        self.assertEqual(self.ask("GET", "/v1/names/other").json["name"], "other")

    def test_parameter_is_decoded_once(self):
        for raw, name in (("a%20b", "a b"), ("a%2Fb", "a/b"), ("a%252Fb", "a%2Fb"), ("%C3%BC", "ü"), ("a+b", "a+b"), ("x%41", "xA")):
            self.assertEqual(self.ask("GET", "/v1/names/" + raw).json["name"], name)

    def test_paths_that_lead_nowhere_are_404(self):
        for path in ("/", "/v1", "/v1/names", "/v1/names/", "/v1//small", "//v1/small", "/v1/small/", "/v1/names/a/b", "/v1/names/a/b/c/d/e/f/g/h/i"):
            self.problem(self.ask("GET", path), 404)

    def test_paths_that_climb_are_400(self):
        for path in ("/v1/../etc/passwd", "/v1/names/..", "/v1/names/%2e%2E", "/v1/./small", "/v1/%2e/small"):
            self.problem(self.ask("GET", path), 400, "no meaning")
        # within a segment it is only a name, and leads nowhere
        self.assertEqual(self.ask("GET", "/v1/names/..%2F..%2Fetc").json["name"], "../../etc")

    def test_paths_with_odd_bytes_are_400(self):
        self.problem(self.ask("GET", "/v1/names/a%00b"), 400, "NUL")
        self.problem(self.ask("GET", "/v1/names/a%0ab"), 400, "control")
        self.problem(self.ask("GET", "/v1/names/a%zz"), 400, "two hex digits")
        self.problem(self.ask("GET", "/v1/names/a%4"), 400, "two hex digits")

    def test_bytes_that_are_not_utf8_do_not_break_answers(self):
        answer = self.ask("GET", "/v1/names/%ff%fe")
        self.assertIn(answer.status, (200, 400, 500))

    def test_methods_that_are_not_there_are_405_with_allow(self):
        answer = self.ask("POST", "/v1/names/a", {})
        self.problem(answer, 405)
        self.assertEqual(sorted(answer.headers["allow"].split(", ")), ["DELETE", "GET", "HEAD", "PATCH", "PUT"])
        for method in ("OPTIONS", "TRACE", "PROPFIND"):
            self.problem(self.ask(method, "/v1/small"), 405)
        for method in ("FOO", "get"):
            self.problem(self.ask(method, "/v1/small"), 400, "method")
        self.assertEqual(self.ask("DELETE", "/v1/names/special").headers["allow"], "GET, HEAD")

    def test_head_is_get_without_a_body(self):
        client = self.client()
        for path in ("/v1/small", "/v1/big", "/v1/nothing/here"):
            head, get = client.ask("HEAD", path), client.ask("GET", path)
            self.assertEqual(head.status, get.status)
            self.assertEqual(head.headers["content-length"], get.headers["content-length"])
        self.problem(client.ask("PUT", "/v1/stream"), 405)

    def test_head_of_a_stream_is_405(self):
        answer = self.ask("HEAD", "/v1/stream")
        self.assertEqual((answer.status, answer.headers["allow"]), (405, "GET"))

    def test_no_content_has_no_body_and_no_length(self):
        client = self.client()
        answer = client.ask("DELETE", "/v1/names/a")
        self.assertEqual(answer.status, 204)
        self.assertNotIn("content-length", answer.headers)
        self.assertNotIn("content-type", answer.headers)
        self.assertEqual(client.ask("GET", "/v1/small").status, 200)

    def test_absolute_uri_is_taken(self):
        self.assertEqual(self.ask("GET", "http://x/v1/small").status, 200)

    def test_big_answer_is_whole_and_given_back(self):
        self.assertEqual(self.ask("GET", "/v1/big").body, b"x" * (4 << 20))
        self.assertEqual(self.state()["references"], 0)

    def test_old_http_closes_unless_asked_to_stay(self):
        client = self.client()
        self.assertEqual(client.ask("GET", "/v1/small", version="1.0").status, 200)
        self.assertTrue(client.closed())
        client = self.client()
        for _ in range(2):
            self.assertEqual(client.ask("GET", "/v1/small", version="1.0", headers=["Connection: keep-alive"]).status, 200)

    def test_second_server_on_the_socket_is_refused(self):
        with self.assertRaisesRegex(RuntimeError, "somebody answers there already"):
            Routes.other = type("Other", (ServerTest,), {"path": self.path})
            Routes.other.start()
        Routes.other.server.wait()
        self.assertEqual(self.ask("GET", "/v1/small").status, 200)

    def test_client_with_an_address_of_its_own_is_served(self):
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(f"\0sluice-http-test-{os.getpid()}")
        sock.connect(self.path)
        sock.send(f"GET /v1/small HTTP/1.1\r\n{HOST}\r\n".encode())
        self.assertIn(b"200 OK", sock.recv(100))
        sock.close()


class Queries(ServerTest):
    def test_values_are_read(self):
        answer = self.ask("GET", "/v1/number?limit=7&flag=1&text=a+b%26c%3Dd")
        self.assertEqual(answer.json, {"limit": 7, "flag": True, "text": "a b&c=d"})

    def test_flag_without_a_value_is_set(self):
        for query in ("flag", "flag&limit=7", "limit=7&flag", "&flag&&limit=7&", "flag="):
            self.assertTrue(self.ask("GET", "/v1/number?" + query).json["flag"], query)
        self.assertFalse(self.ask("GET", "/v1/number?flag=0").json["flag"])
        self.assertEqual(self.ask("GET", "/v1/number?").status, 200)
        self.assertEqual(self.ask("GET", "/v1/number?&").status, 200)

    def test_unknown_parameter_is_400_and_names_the_known(self):
        problem = self.problem(self.ask("GET", "/v1/number?limits=7"), 400)
        self.assertEqual((problem["field"], problem["want"]), ("limits", "limit, flag, text"))
        self.problem(self.ask("GET", "/v1/small?x=1"), 400)

    def test_parameter_twice_is_400(self):
        self.assertEqual(self.problem(self.ask("GET", "/v1/number?limit=7&limit=8"), 400, "twice")["field"], "limit")

    def test_number_out_of_bounds_or_none_is_400(self):
        for text in ("0", "1001", "x", "", "7x", "+7", "%207", "99999999999999999999", "0x7"):
            problem = self.problem(self.ask("GET", "/v1/number?limit=" + text), 400)
            self.assertEqual((problem["field"], problem["want"]), ("limit", "integer 1 to 1000"))

    def test_malformed_query_is_400(self):
        for query in ("=7", "limit=1%00", "%00"):
            self.problem(self.ask("GET", "/v1/number?" + query), 400)


class Bodies(ServerTest):
    options = ("-B", "100000", "-H", "4096")

    def test_json_comes_to_the_handler(self):
        for kind in ("application/json", "Application/JSON; charset=utf-8", "application/json ;x=y", None):
            self.assertEqual(self.ask("POST", "/v1/echo", {"a": [1, None]}, kind=kind).json["body"], {"a": [1, None]})

    def test_merge_patch_is_taken_with_patch_only(self):
        kind = "application/merge-patch+json"
        self.assertEqual(self.ask("PATCH", "/v1/names/a", {"x": 1}, kind=kind).json["body"], {"x": 1})
        self.problem(self.ask("PUT", "/v1/names/a", {"x": 1}, kind=kind), 415, "merge-patch")

    def test_other_types_are_415(self):
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", "application/json-patch+json"):
            self.problem(self.ask("POST", "/v1/echo", {}, kind=kind), 415, "want Content-Type application/json")
        self.problem(self.ask("POST", "/v1/echo", b"x", headers=["Content-Encoding: gzip"]), 415)

    def test_malformed_json_is_400_with_its_place(self):
        self.problem(self.ask("POST", "/v1/echo", '{"a": 1,\n  "b" 2}'), 400, "line 2, column 7")
        for body in ('{"a":1', "nonsense", '{"a":1} x', "7", '"text"', b'{"a":"\xff"}', '{"a":"\\u0000"}', "[" * 5000, '{"a":' * 5000, b"\0"):
            self.problem(self.ask("POST", "/v1/echo", body), 400, "line 1, column")

    def test_duplicate_key_is_400(self):
        self.problem(self.ask("POST", "/v1/echo", '{"a":1,"b":{"c":1,"c":2}}'), 400, "duplicate")

    def test_empty_body_is_400(self):
        self.problem(self.ask("POST", "/v1/echo", b""), 400, "empty")
        self.problem(self.ask("POST", "/v1/echo"), 400, "empty")

    def test_body_where_none_is_taken_is_400(self):
        self.problem(self.ask("DELETE", "/v1/names/a", {}), 400, "takes no body")

    def test_body_over_the_limit_is_413_and_said_after_it_was_sent(self):
        client = self.client()
        self.problem(client.ask("POST", "/v1/echo", b'"' + b"x" * 3000000 + b'"'), 413, "100000 bytes")
        self.assertTrue(client.closed())
        self.assertEqual(self.ask("POST", "/v1/echo", {"a": "x" * 99000}).status, 200)
        for length, status in ((100000, 200), (100001, 413)):
            self.assertEqual(self.client().ask("POST", "/v1/echo", b'{"a":"' + b"x" * (length - 8) + b'"}').status, status)

    def test_chunked_body_is_taken_within_the_limit(self):
        client = self.client()
        start = f"POST /v1/echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n"
        client.send(start + '4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n')
        self.assertEqual(client.answer().json["body"], {"a": 1})
        client.send(start + "186a1\r\n")  # 100,001
        self.problem(client.answer(), 413)

    def test_chunked_nonsense_is_refused(self):
        for chunk in ("zz\r\n", "-5\r\n", "ffffffffffffffff\r\n", "7fffffffffffffff\r\n"):
            client = self.client()
            client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{chunk}")
            self.assertIn(client.answer().status, (400, 413))
            self.assertTrue(client.closed())

    def test_chunks_that_a_proxy_may_read_otherwise_are_refused(self):
        for chunks in ("0x7\r\n{\"a\":1}\r\n", "+7\r\n{\"a\":1}\r\n", "7\n{\"a\":1}\r\n", " 7\r\n{\"a\":1}\r\n",
                       "7\rX{\"a\":1}\r\n", "7\r\n{\"a\":1}XX", "7\r\n{\"a\":1}\n"):
            client = self.client()
            client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n{chunks}0\r\n\r\n")
            self.problem(client.answer(), 400)
            self.assertTrue(client.closed())

    def test_chunks_may_come_in_any_pieces(self):
        whole = f"POST /v1/echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n" + '4\r\n{"a"\r\n3\r\n:1}\r\n0\r\n\r\n'
        client = self.client()
        for _ in range(3):
            for at in range(len(whole)):
                client.send(whole[at])
                time.sleep(0.0005)
            self.assertEqual(client.answer().json["body"], {"a": 1})

    CHUNKED = f"POST /v1/echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\n\r\n" + '7\r\n{"a":1}\r\n0\r\n'

    def test_trailers_are_read_and_thrown_away(self):
        client = self.client()
        for trailers in ("X-T: 1\r\n", "A: b\r\nB:\r\nC: \t d\r\n", "Content-Length: 9\r\n", "Authorization: Bearer t-none\r\n",
                         "Transfer-Encoding: gzip\r\n", "Host: y\r\n" * 200, ""):
            client.send(self.CHUNKED + trailers + "\r\n")
            self.assertEqual(client.answer().json["body"], {"a": 1}, trailers)
        for byte in self.CHUNKED + "X-T: 1\r\nY: 2\r\n\r\n":
            client.send(byte)
            time.sleep(0.0005)
        self.assertEqual(client.answer().json["body"], {"a": 1})
        client.send((self.CHUNKED + "X-T: 1\r\n\r\n") * 2 + f"GET /v1/small HTTP/1.1\r\n{HOST}\r\n")
        self.assertEqual([client.answer().status for _ in range(3)], [200] * 3)

    def test_trailers_that_are_none_are_refused(self):
        for trailers, status, why in (("X-T: 1\nY: 2\r\n\r\n", 400, "without CR"), ("X-T: 1\r\n y\r\n\r\n", 400, "goes on"),
                                      ("X-T: 1\0\r\n\r\n", 400, "NUL"), ("\n", 400, "without CR"), (" \r\n\r\n", 400, ""),
                                      ("no colon\r\n\r\n", 400, ""), ("X-T: 1\r\r\n\r\n", 400, ""),
                                      ("X-T: " + "x" * 20000, 431, "trailers are larger than 4096 bytes"),
                                      ("X-T: 1\r\n" * 5000, 431, "trailers are larger")):
            client = self.client()
            client.send(self.CHUNKED + trailers)
            self.problem(client.answer(), status, why)
            self.assertTrue(client.closed())

    def test_heads_that_a_proxy_may_read_otherwise_are_refused(self):
        for head, why in ((f"GET /v1/small HTTP/1.1\r\n{HOST}A: b\r\n c\r\n\r\n", "goes on"), (f"GET /v1/small HTTP/1.1\r\n{HOST}A: b\r\n\tc\r\n\r\n", "goes on"),
                          ("GET /v1/small HTTP/1.1\nHost: x\n\n", "without CR"), (f"GET /v1/small HTTP/1.1\r\n{HOST}A: b\nB: c\r\n\r\n", "without CR"),
                          (f"GET /v1/small HTTP/1.1\r\n{HOST}A: b\0c\r\n\r\n", "NUL"), (f"GET /v1/small HTTP/1.1\r\n{HOST}A : b\r\n\r\n", "blank"),
                          (f"GET /v1/small HTTP/1.1\r\n{HOST}A: b\rB: c\r\n\r\n", ""), (f"POST /v1/echo HTTP/1.1\r\n{HOST}Content-Length: 12345678901234567890123\r\n\r\n", ""),
                          (f"POST /v1/echo HTTP/1.1\r\n{HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "")):
            client = self.client()
            client.send(head)
            self.problem(client.answer(), 400, why)
            self.assertTrue(client.closed())
        self.assertEqual(self.ask("GET", "/v1/small", headers=["A:\tb ", "B:"]).status, 200)

    def test_upgrade_is_not_heard(self):
        self.assertEqual(self.ask("GET", "/v1/small", headers=["Connection: Upgrade", "Upgrade: h2c"]).status, 200)

    def test_expect_continue_is_answered(self):
        client = self.client()
        client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}Content-Length: 7\r\nExpect: 100-continue\r\n\r\n")
        self.assertEqual(client.line(), "HTTP/1.1 100 Continue")
        self.assertEqual(client.line(), "")
        client.send('{"a":1}')
        self.assertEqual(client.answer().json["body"], {"a": 1})
        client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}Content-Length: 7\r\nExpect: miracles\r\n\r\n")
        self.problem(client.answer(), 417)

    def test_two_lengths_or_both_ways_are_refused(self):
        for headers in ("Content-Length: 2\r\nContent-Length: 3\r\n", "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n", "Content-Length: -1\r\n", "Content-Length: 2x\r\n", "Content-Length: +2\r\n",
                        "Content-Length : 2\r\n", "Transfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n"):
            client = self.client()
            client.send(f"POST /v1/echo HTTP/1.1\r\n{HOST}{headers}\r\n{{}}")
            self.problem(client.answer(), 400)
            self.assertTrue(client.closed())

    def test_headers_over_the_limit_are_431(self):
        for request in (f"GET /v1/small HTTP/1.1\r\n{HOST}X: {'x' * 5000}\r\n\r\n", f"GET /{'x' * 5000} HTTP/1.1\r\n{HOST}\r\n", f"GET /v1/small HTTP/1.1\r\n{HOST}" + "A: b\r\n" * 1100 + "\r\n", "x" * 5000):
            client = self.client()
            client.send(request)
            self.problem(client.answer(), 431, "4096 bytes|100 headers")
            self.assertTrue(client.closed())
        self.assertEqual(self.ask("GET", "/v1/small", headers=["X: " + "x" * 3900]).status, 200)
        for count, status in ((99, 200), (100, 431)):  # beside Host
            client = self.client()
            client.send(f"GET /v1/small HTTP/1.1\r\n{HOST}" + "A: b\r\n" * count + "\r\n")
            self.assertEqual(client.answer().status, status)

    def test_lines_that_are_no_http_are_400(self):
        for request in ("nonsense\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/2.0\r\n\r\n", "GET / HTTP/1.1 x\r\n\r\n", "\x16\x03\x01\x02\x00\r\n\r\n", f"GET /v1/small HTTP/1.1\r\nno colon\r\n{HOST}\r\n", "\0\0\0\r\n\r\n"):
            client = self.client()
            client.send(request)
            self.problem(client.answer(), 400)
            self.assertTrue(client.closed())

    def test_host_is_wanted_once(self):
        for hosts in ("", HOST + "Host: y\r\n"):
            client = self.client()
            client.send(f"GET /v1/small HTTP/1.1\r\n{hosts}\r\n")
            self.problem(client.answer(), 400, "Host")

    def test_hash_is_of_method_path_query_and_body(self):
        def want(path, body):
            return hashlib.sha256(f"POST {path}\n{body}".encode()).hexdigest()

        for path, body in (("/v1/hash", "{}"), ("/v1/hash?flag=1", "{}"), ("/v1/hash", "[1]")):
            self.assertEqual(self.ask("POST", path, body).json["hash"], want(path, body))


class Refusals(ServerTest):
    def test_error_of_the_rooms_below_names_the_field(self):
        problem = self.problem(self.ask("POST", "/v1/refuse"), 409, "less than this needs")
        self.assertEqual((problem["field"], problem["with"], problem["limit"]), ("bandwidth.committed_bps", "slice blue", 5))

    def test_refused_changes_are_audited_and_reads_are_not(self):
        before = len(self.state()["audit"])
        self.ask("POST", "/v1/refuse")
        self.ask("GET", "/v1/nothing")
        audit = self.state()["audit"][before:]
        self.assertEqual(audit, ["root|unix uid 0|POST /v1/refuse|409|WAN kt has 10 bit/s less than this needs"])


def as_token(token):
    return [f"Authorization: Bearer {token}"]


class Peers(ServerTest):
    options = ("-p", "viewer")

    def test_unix_peer_has_the_role_of_the_configuration(self):
        self.assertEqual(self.ask("GET", "/v1/names/a").json["role"], "viewer")
        self.problem(self.ask("PUT", "/v1/names/a", {}), 403, "want role operator or more, got viewer")

    def test_token_raises_and_narrows(self):
        answer = self.ask("PUT", "/v1/names/a", {}, headers=as_token("t-admin")).json
        self.assertEqual((answer["role"], answer["who"], answer["source"]), ("admin", "admin", "unix uid 0"))
        answer = self.ask("POST", "/v1/echo", {}, headers=as_token("t-tenant")).json
        self.assertEqual((answer["role"], answer["tenant"]), ("tenant", "acme"))
        self.problem(self.ask("PUT", "/v1/names/a", {}, headers=as_token("t-tenant")), 403)

    def test_bad_tokens_are_401_and_say_so(self):
        for header in ("Bearer nobody", "Bearer t-old", "Bearer ", "Basic dDp0", "Bearer " + "x" * 600, "Bearer", "Bearert-admin", "BearerXt-admin", "Bearer\tt-admin"):
            answer = self.ask("GET", "/v1/small", headers=["Authorization: " + header])
            self.problem(answer, 401)
            self.assertIn('error="invalid_token"', answer.headers["www-authenticate"])
        self.problem(self.ask("GET", "/v1/small", headers=as_token("t-old")), 401, "expired")

    def test_store_that_fails_is_503(self):
        self.problem(self.ask("GET", "/v1/small", headers=as_token("t-broken")), 503)


if __name__ == "__main__":
    unittest.main()
