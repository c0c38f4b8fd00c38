#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Bad input from every side, over TLS and the unix socket, at a box that is at work: the right status, a problem that names
the field, and nothing changed: neither what the API shows of all types, nor the history, nor the dataplane's lists."""
import concurrent.futures
import contextlib
import copy
import http.client
import json
import os
import socket
import ssl
import subprocess
import time
import unittest
import urllib.parse

from api import JP, KR, VIEWER, Answer, SLOW, own_network, slice_
from chaos import KINDS, Box, base

MAC = "02:00:00:00:01:0"
BODY_BYTES, REQUEST_S = 200_000, 2
ODD = ["a b", "a/b", "../../etc/passwd", "..", ".\u0300", "%2e%2e%2f", "a\nb", "a\rb", "a\tb", "ü", "💥", "a?b", "a#b", "a;b", "a,b", "'", '"', "`id`", "$(id)",
       "<script>", "a\\b", "a:b", "*", "\u202e", "\ufeffa", " a", "a ", "x" * 31, "x" * 100_000, ""]
WORLD = base() + [
    slice_("red", "gj/p0/10", "bs/p0/10", tenant="kr"), slice_("blue", "gj/p0/11", "bs/p0/11", tenant="jp"),
    {"kind": "slice", "name": "core", "service": "l3", "endpoints": [{"site": "gj", "port": "p1", "vlan": 9, "gateway": "10.9.0.1/24"}]},
    *({"kind": "host", "name": f"h{i}", "site": "gj", "port": "p1", "vlan": 8, "mac": f"{MAC}{i}"} for i in (1, 2)),
    {"kind": "virtual-dedicated-network", "name": "vdn", "hosts": ["h1", "h2"]},
    {"kind": "local-data-network", "name": "ldn", "slice": "core", "prefixes": ["198.19.0.0/16"]},
    {"kind": "session", "name": "ue", "site": "gj", "slice": "core", "ue": {"ipv4": "10.60.0.1"},
     "pdrs": [{"id": 1, "precedence": 10, "source": "core", "far": 1}], "fars": [{"id": 1, "action": "drop"}]},
]


def places(value, path=""):
    """(path as a problem names it, the object there, its field) of every field of a document, however deep."""
    for field, one in value.items():
        here = f"{path}.{field}" if path else field
        yield here, value, field
        if isinstance(one, dict):
            yield from places(one, here)
        for i, item in enumerate(one if isinstance(one, list) else []):
            if isinstance(item, dict):
                yield from places(item, f"{here}[{i}]")


class BadInput(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        own_network()
        cls.box = Box(config={})
        folder = cls.box.folder
        cls.addClassCleanup(cls.box.close)
        cert, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key,
                        "-out", cert, "-days", "2", "-subj", "/CN=sluice", "-addext", "subjectAltName=IP:127.0.0.1"],
                       check=True, capture_output=True, timeout=60)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            cls.port = probe.getsockname()[1]
        with open(cls.box.config) as file:
            config = json.load(file)
        with open(cls.box.config, "w") as file:
            json.dump({**config, "listen": f"127.0.0.1:{cls.port}", "tls": {"certificate": cert, "key": key},
                       "limits": {"body_bytes": BODY_BYTES, "request_s": REQUEST_S}}, file)
        cls.context = ssl.create_default_context(cafile=cert)
        cls.box.start()
        answer = cls.box.apply(WORLD, "?wait=30")
        assert answer.status == 200 and answer.json["settled"] and not answer.json["refused"], (answer, cls.box.said())
        cls.documents = {one["kind"]: {k: v for k, v in one.items() if k != "kind"} for one in WORLD if one["name"] != "blue"}

    def setUp(self):
        self.before = self.everything()

    def tearDown(self):
        self.assertEqual(self.everything(), self.before, "something has changed")
        self.assertIsNone(self.box.process.poll(), self.box.said())

    def everything(self):
        return self.box.settle(), self.box.intents(), self.box.get("/v1/history?limit=1000").text, self.box.listed()

    def problem(self, answer, *statuses, field=None):
        self.assertIn(answer.status, statuses, answer)
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        self.assertEqual(answer.json["status"], answer.status)
        self.assertTrue(answer.json["title"] and answer.json["detail"])
        if field is not None:
            self.assertEqual(answer.json.get("field"), field, answer)

    def tls(self, method, path, body=None, token=None):
        conn = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=20, context=self.context)
        with contextlib.closing(conn):
            conn.request(method, path, body if body is None else json.dumps(body),
                         {"Content-Type": "application/json", **({"Authorization": "Bearer " + token} if token else {})})
            return Answer(conn.getresponse())

    def raw(self, data):
        """What comes back for these bytes, until the server closes."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(20)
            sock.connect(self.box.socket)
            got = b""
            with contextlib.suppress(ConnectionError):  # it need not read all of it
                sock.sendall(data)
            with contextlib.suppress(ConnectionError):
                while more := sock.recv(65536):
                    got += more
            return got

    # ---- bodies ----

    def test_malformed_json_for_every_type(self):
        for kind, path in KINDS.items():
            text = json.dumps(self.documents[kind])
            for bad in (text[:-1], text[1:], text + "x", text.replace(":", "=", 1), text[:-1] + ',"name":"other"}', "", " ", "\0", b"\xff" * 10,
                        "[" * 5000, '{"a":' * 5000, '{"name":"\\ud800"}', '{"name":1e999}', "NaN", text.replace('"', "'")):
                for method, target in (("POST", path), ("PUT", f"{path}/x"), ("PATCH", f"{path}/{self.documents[kind]['name']}")):
                    self.problem(self.box.request(method, "/v1/" + target, bad), 400)
            for bad in ("[]", "3", '"text"', "null", "true"):
                for method, target in (("POST", path), ("PUT", f"{path}/x")):
                    self.problem(self.box.request(method, "/v1/" + target, bad), 400, 422)
        for bad in ("{", "[]", "null", '{"documents":{}}', '{"documents":[[]]}', '{"documents":[{"kind":"slice"}]}', '{"documents":[],"more":1}'):
            self.problem(self.box.post("/v1/apply", bad), 400, 422)

    def test_unknown_fields_are_named_at_every_depth_of_every_type(self):
        count = 0
        for kind, path in KINDS.items():
            name = self.documents[kind]["name"]
            for depth, _, _ in [("", None, None), *places(self.documents[kind])]:
                document = copy.deepcopy(self.documents[kind])
                at = next((holder[field] for where, holder, field in places(document) if where == depth), document)
                if depth and isinstance(at, list) and at and isinstance(at[0], dict):
                    at, depth = at[0], depth + "[0]"
                if not isinstance(at, dict):
                    continue
                at["colour"] = "red"
                where, count = f"{depth}.colour" if depth else "colour", count + 1
                self.problem(self.box.put(f"/v1/{path}/{name}", document), 422, field=where)
                self.problem(self.box.post(f"/v1/{path}", {**document, "name": "new"}), 422, field=where)
                self.problem(self.box.apply([WORLD[0], {"kind": kind, **document}]), 422, field=f"documents[1].{where}")
                self.problem(self.box.put(f"/v1/{path}/{name}?dry_run=1", document), 422, field=where)
        self.assertGreater(count, 10)

    def test_values_of_another_kind_are_named_at_every_depth_of_every_type(self):
        for kind, path in KINDS.items():
            for where, _, _ in places(self.documents[kind]):
                for bad in ({"x": 1}, [[1]], -1, 1.5, "\u202e", 1 << 70):
                    document = copy.deepcopy(self.documents[kind])
                    holder, field = next((holder, field) for here, holder, field in places(document) if here == where)
                    holder[field] = bad
                    if bad == 1 << 70:
                        self.problem(self.box.put(f"/v1/{path}/{document['name']}" if where != "name" else f"/v1/{path}/x", document), 400, 422)
                        continue
                    answer = self.box.put(f"/v1/{path}/{self.documents[kind]['name']}", document)
                    if answer.status < 300 and where == "description":  # any text is one
                        self.box.put(f"/v1/{path}/{self.documents[kind]['name']}", self.documents[kind])
                        continue
                    self.problem(answer, 422, 409)
                    self.assertTrue(answer.json["field"].startswith(where.split("[")[0].split(".")[0]), (where, bad, answer))

    def test_huge_bodies(self):
        huge = json.dumps(slice_("x", description="x" * BODY_BYTES))
        self.problem(self.box.post("/v1/slices", huge), 413)
        self.problem(self.box.apply([slice_(f"s{i}", f"gj/p0/{i + 20}") for i in range(4000)]), 413)
        chunk = b"%x\r\n%s\r\n" % (50000, b" " * 50000)
        head = b"POST /v1/slices HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
        self.assertIn(b"413", self.raw(head + chunk * 100).split(b"\r\n")[0])
        claims = b"POST /v1/slices HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99999999999\r\n\r\n{"
        self.assertIn(self.raw(claims).split(b" ")[1:2], ([b"413"], [b"400"], []))
        self.assertEqual(self.box.get("/v1/sites/gj").status, 200)
        many = {"name": "x", "endpoints": [{"site": "gj", "port": "p0", "vlan": i % 4000 + 1} for i in range(1100)]}
        self.problem(self.box.post("/v1/slices", many), 422, field="endpoints")

    # ---- names and paths ----

    def test_odd_names_in_every_field_that_is_one(self):
        for kind, path in KINDS.items():
            for where, _, _ in places(self.documents[kind]):
                if where.split(".")[-1] not in ("name", "site", "port", "tenant", "slice", "wan", "dnn"):
                    continue
                for name in ODD if where == "name" else ODD[:6]:
                    document = copy.deepcopy(self.documents[kind])
                    holder, field = next((holder, field) for here, holder, field in places(document) if here == where)
                    holder[field] = name
                    answer = self.box.post("/v1/" + path, {**document, "name": document["name"] if where == "name" else "new"})
                    self.problem(answer, 422)
                    self.assertEqual(answer.json["field"].split("[")[0].split(".")[0], where.split("[")[0].split(".")[0], answer)

    def test_paths_that_climb_or_are_odd(self):
        for path in ("/v1/slices/../sites/gj", "/v1/slices/%2e%2e/sites/gj", "/v1/../../etc/passwd", "/..%2f..%2fetc/passwd", "//etc/passwd",
                     "/v1/slices/%00", "/v1/slices/red%00", "/v1/slices/%zz", "/v1/slices/%", "/v1/slices/%c0%ae", "/v1/slices/red/", "/v1/slices//red",
                     "/V1/slices", "/v1/slices/red/history/x", "/v1/slices/" + "x" * 5000, "/v1/" + "a/" * 1000, "/v1/slices/%2e", "/v1/slices/..",
                     "/v1/slices/red;x=1", "/v1/slices/red%2fhistory", "/v1/slices/red%23", "/v1/slices/\\..\\sites"):
            for method in ("GET", "DELETE", "PUT", "PATCH"):
                answer = self.box.request(method, path, None if method in ("GET", "DELETE") else {"description": "climbed"})
                self.problem(answer, 400, 404, 405, 422)
        for line in (b"GET /v1/slices/../../store/sluice.db HTTP/1.1", b"GET ../v1/slices HTTP/1.1", b"DELETE /v1/slices/red\x00 HTTP/1.1",
                     b"DELETE /v1/slices/red\xff HTTP/1.1", b"\x16\x03\x01\x02\x00\x01", b"DELETE /v1/slices/red HTTP/9.9", b"DELETE  /v1/slices/red"):
            got = self.raw(line + b"\r\nHost: x\r\nConnection: close\r\n\r\n")
            self.assertTrue(got == b"" or got.split(b" ")[1] in (b"400", b"404", b"505"), (line, got[:200]))
        self.problem(self.box.put("/v1/slices/%c0%ae", {"endpoints": []}), 422, field="name")
        for query in ("?dry_run=1&dry_run=0", "?wait=1e3", "?wait=%00", "?nonsense", "?=&=", "?wait=" + "9" * 500):
            self.problem(self.box.delete("/v1/slices/red" + query), 400)

    # ---- who ----

    def test_wrong_tenants_change_nothing_of_any_type(self):
        for kind, path in KINDS.items():
            name, document = self.documents[kind]["name"], self.documents[kind]
            for uid in (JP, VIEWER):
                for answer in (self.box.put(f"/v1/{path}/{name}", document, uid=uid), self.box.patch(f"/v1/{path}/{name}", {"tenant": "jp"}, uid=uid),
                               self.box.delete(f"/v1/{path}/{name}", uid=uid), self.box.post("/v1/" + path, document, uid=uid),
                               self.box.apply([{"kind": kind, **document}], uid=uid)):
                    self.problem(answer, 403, 404, 409, 422)
        self.problem(self.box.apply([slice_("new", "gj/p0/20"), slice_("red", "gj/p0/10")], uid=JP), 403, 409)
        self.problem(self.box.post("/v1/slices", slice_("new", "gj/p0/20", tenant="kr"), uid=JP), 403)
        self.problem(self.box.patch("/v1/slices/red", {"tenant": "jp"}, uid=KR), 403)
        for path in ("/v1/audit", "/v1/tokens"):
            self.problem(self.box.get(path, uid=KR), 403)
        self.problem(self.box.post("/v1/tokens", {"name": "t", "role": "admin"}, uid=KR), 403)

    def test_tokens_that_are_expired_gone_or_none(self):
        made = []
        for _ in range(20):  # until one is used within its second
            start = time.monotonic()
            made.insert(0, self.box.post("/v1/tokens", {"name": f"t{len(made)}", "role": "operator", "expires_s": 1}).json)
            status = self.tls("GET", "/v1/slices/red", token=made[0]["token"]).status
            if time.monotonic() - start < 1:
                break
        self.assertEqual(status, 200)
        admin = self.box.post("/v1/tokens", {"name": "a", "role": "admin"}).json
        time.sleep(1.2)
        gone = self.box.post("/v1/tokens", {"name": "g", "role": "operator"}).json
        self.assertEqual(self.box.delete("/v1/tokens/" + gone["id"]).status, 204)
        for token in (made[0]["token"], gone["token"], admin["token"][:-1], admin["token"] + "x", "x" * 400, "", "slt_", "\u00e9", None):
            for method, body in (("GET", None), ("DELETE", None), ("PUT", {"endpoints": []}), ("PATCH", {"mtu": 1300})):
                self.problem(self.tls(method, "/v1/slices/red", body, token), 401)
        self.assertEqual(self.tls("GET", "/v1/tokens", token=admin["token"]).status, 200)
        for token in (*made, admin):
            self.box.delete("/v1/tokens/" + token["id"])

    # ---- slowly, and at once ----

    def test_slow_loris_does_not_keep_others_out(self):
        slow = []
        for i in range(100):
            sock = socket.socket(socket.AF_UNIX)
            sock.connect(self.box.socket)
            sock.sendall(b"PUT /v1/slices/red HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" if i % 2 else
                         b"PUT /v1/slices/red HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
            slow.append(sock)
        for _ in range(40):
            sock = socket.create_connection(("127.0.0.1", self.port))  # and in the TLS handshake
            sock.sendall(b"\x16\x03\x01")
            slow.append(sock)
        start, took, longest = time.monotonic(), [], 0.0
        try:
            while time.monotonic() < start + REQUEST_S + 1.5:
                before = time.monotonic()
                self.assertEqual(self.box.get("/v1/slices/red").status, 200)
                took.append(time.monotonic() - before)
                longest = max(longest, took[-1])
                for sock in slow:
                    with contextlib.suppress(OSError):
                        sock.send(b"x")
                time.sleep(0.05)
            for sock in slow[:100]:
                sock.settimeout(20)
                with contextlib.suppress(ConnectionError):
                    got = sock.recv(65536)
                    self.assertTrue(got == b"" or b" 408 " in got, got)
        finally:
            for sock in slow:
                sock.close()
        self.assertLess(longest, 5.0)  # who is kept out is so for all of the slow ones' time, over and over
        self.assertLess(sorted(took)[len(took) // 2], 0.2 * SLOW)

    def test_writers_at_once_leave_what_one_of_them_wrote(self):
        etag = self.box.get("/v1/slices/blue").etag
        whole = self.box.get("/v1/slices/blue").json

        def write(number):
            body = slice_("blue", f"gj/p0/{100 + number}", f"bs/p0/{100 + number}", tenant="jp", description=f"by {number}")
            return self.box.put("/v1/slices/blue?wait=20", body, headers={"If-Match": etag} if number % 2 else {})
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(write, range(32)))
        self.assertEqual({answer.status for answer in answers[::2]}, {200})
        matched = [answer.status for answer in answers[1::2]]
        self.assertLessEqual(matched.count(200), 1)
        self.assertEqual(matched.count(200) + matched.count(412), 16)
        there = self.box.check(self, "after the writers")["slice", "blue"]
        self.assertEqual(there["description"], f"by {there['endpoints'][0]['vlan'] - 100}")
        self.assertEqual([one["vlan"] for one in there["endpoints"]], [there["endpoints"][0]["vlan"]] * 2)
        wrote = sum(answer.status == 200 for answer in answers)
        history = self.box.get("/v1/slices/blue/history?limit=1000").json["items"]
        self.assertEqual(len(history), wrote + 1)
        for newer, older in zip(history, history[1:]):
            self.assertEqual(newer["before"], older["after"])
        self.assertEqual(self.box.put("/v1/slices/blue?wait=20", {k: v for k, v in whole.items() if k not in ("meta", "status")}).status, 200)
        self.before = self.everything()


if __name__ == "__main__":
    unittest.main()
