#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What one tenant can learn of another, or do to it: nothing. Without a dataplane."""
import contextlib
import threading
import time
import unittest

import api
from api import JP, KR, VIEWER, slice_


def host(name, tenant, port="p2", vlan=0, mac=1):
    return {"kind": "host", "name": name, "tenant": tenant, "site": "gj", "port": port, "mac": f"02:00:00:00:00:{mac:02x}",
            **({"vlan": vlan} if vlan else {})}


def local_network(name, tenant, out):
    return {"kind": "local-data-network", "name": name, "tenant": tenant, "slice": out, "prefixes": ["198.19.0.0/16"]}


class Tenants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.control = api.Control().start()
        cls.addClassCleanup(cls.control.close)

    def setUp(self):
        answer = self.control.apply(api.world() + [
            api.grant("kr"), api.grant("jp"), api.grant("a"),
            slice_("krs", "gj/p1/10", "bs/p1/10", tenant="kr", vni=5000),
            slice_("krl3", tenant="kr", service="l3"), slice_("jps", tenant="jp"), host("krh", "kr"),
            local_network("krldn", "kr", "krl3")], prune="all")
        self.assertEqual(answer.status, 200, answer)

    def same(self, path, body, field, theirs, nobodys):
        """The answer about what is another's is that about what is not there, but for the name."""
        seen = []
        for name in (theirs, nobodys):
            answer = self.control.post(path, {**body, field: [name] if field == "hosts" else name}, uid=JP)
            self.assertGreaterEqual(answer.status, 400)
            seen.append((answer.status, answer.text.replace(name, "NAME")))
        self.assertEqual(seen[0], seen[1])

    def test_what_is_anothers_is_as_if_it_were_not_there(self):
        self.same("/v1/virtual-dedicated-networks", {"name": "n"}, "hosts", "krh", "none")
        self.same("/v1/local-data-networks", {"name": "n", "prefixes": ["198.19.0.0/16"]}, "slice", "krl3", "none")
        self.same("/access_slices", {"mac": "02:00:00:00:00:19", "location": "gj"}, "slice_id", "krs", "none")
        for method in ("GET", "PATCH", "DELETE"):
            body = {} if method == "PATCH" else None
            for headers in ({}, {"If-Match": '"1"'}, {"If-None-Match": "*"}):
                answer = self.control.request(method, "/v1/slices/krs", body, headers, uid=JP)
                self.assertEqual((answer.status, answer.etag), (404, None), answer)

    def test_the_kernels_part_is_the_operators_to_say(self):
        at = {"site": "gj", "port": "p2", "vlan": 40, "gateway": "10.9.0.1/24"}
        plain = {"name": "jpk", "tenant": "jp", "service": "l3", "endpoints": [at]}
        fed = {**plain, "kernel": {"netns": "jpk"}, "endpoints": [{**at, "tap": "jpk0"}]}
        for wrong in (fed, {**plain, "kernel": {"table": 254}}):
            answer = self.control.post("/v1/slices", wrong, uid=JP)
            self.assertEqual(answer.status, 403, answer)
            self.assertIn("set by operators", answer.text)
        self.assertEqual(self.control.post("/v1/slices", fed).status, 201)
        for wrong in (plain, {**fed, "kernel": {"netns": "other"}}, {**fed, "endpoints": [at]},
                      {**fed, "endpoints": [{**at, "tap": "jpk0", "vlan": 41}]}):
            answer = self.control.put("/v1/slices/jpk", wrong, uid=JP)
            self.assertEqual(answer.status, 403, answer)
        answer = self.control.put("/v1/slices/jpk", {**fed, "mtu": 1400}, uid=JP)
        self.assertEqual(answer.status, 200, answer)
        self.assertEqual(self.control.put("/v1/slices/jpk", plain).status, 200)

    def memory_kb(self):
        with open(f"/proc/{self.control.process.pid}/status") as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))

    def test_large_bodies_of_nothing_take_no_memory(self):
        """An empty object of two bytes takes a hundred times as much."""
        before_kb, answers = self.memory_kb(), []
        body = '{"documents":[' + "{}," * 3000000 + "1]}"
        senders = [threading.Thread(target=lambda: answers.append(self.control.post("/v1/apply", body, uid=KR))) for _ in range(4)]
        for sender in senders:
            sender.start()
        for sender in senders:
            sender.join()
        for answer in answers:  # one at a time, the others are told so
            self.assertIn(answer.status, (413, 503))
            self.assertIn("send it in parts" if answer.status == 413 else "another large body of this tenant", answer.text)
        self.assertIn(413, [answer.status for answer in answers])
        self.assertLess(self.memory_kb() - before_kb, 200000)

    def test_what_is_in_the_way_is_not_named(self):
        for path, body in (("slices", slice_("x", "gj/p1/30", vni=5000)), ("slices", slice_("x", "gj/p1/10")),
                           ("slices", slice_("x", "gj/p2")), ("slices", slice_("krs")),
                           ("virtual-dedicated-networks", {"name": "krs"}), ("hosts", host("x", "", "p1", 10))):
            body.pop("kind", None)
            answer = self.control.post("/v1/" + path, body, uid=JP)
            self.assertEqual(answer.status, 409, answer)
            self.assertFalse({"with", "by", "got", "want"} & set(answer.json), answer)
            for word in ("krs", "krh", '"kr"') if body["name"] != "krs" else ('"kr"', '"with"'):
                self.assertNotIn(word, answer.text)

    def test_nothing_is_given_to_another_tenant(self):
        for answer in (self.control.patch("/v1/slices/krs", {"tenant": "jp"}, uid=KR),
                       self.control.put("/v1/slices/krl3", {"tenant": "jp", "service": "l3"}, uid=KR),
                       self.control.post("/v1/slices", {"name": "gift", "tenant": "jp"}, uid=KR),
                       self.control.apply([{"kind": "slice", "name": "gift", "tenant": "jp"}], uid=KR)):
            self.assertEqual(answer.status, 403, answer)
        self.assertEqual([one["name"] for one in self.control.all("/v1/slices", uid=JP)], ["jps"])

    def test_underlay_is_for_operators(self):
        viewer = self.token(role="viewer")["token"]
        wans = self.control.get("/v1/wans", token=viewer).json["items"]
        self.assertEqual(len(wans), len(self.control.all("/v1/wans")))
        for wan in wans:
            self.assertFalse({"device", "addresses"} & set(wan) or {"booked_bps", "left_bps"} & set(wan["status"]), wan)
        self.assertEqual(self.control.put("/v1/sites/zz", {"ports": [{"name": "p1", "device": "net_null0"}]}).status, 201)
        self.assertEqual(self.control.get("/v1/sites/zz", uid=KR).json["ports"], [{"name": "p1", "mtu": 1500}])
        for uid in (KR, JP):
            self.assertNotIn("198.18.", self.control.get("/getboxesstatus", uid=uid).text)
            for wan in self.control.get("/v1/wans", uid=uid).json["items"]:
                self.assertFalse({"device", "addresses"} & set(wan), wan)
        self.assertIn("198.18.0.1", self.control.get("/getboxesstatus", uid=VIEWER).text)

    def test_why_a_wan_was_refused_is_for_operators(self):
        end = time.monotonic() + 60
        while self.control.get("/v1/wans/gj-kt").json["status"]["state"] != "refused" and time.monotonic() < end:
            time.sleep(0.02)
        self.assertIn("device", self.control.get("/v1/wans/gj-kt").json["status"]["reason"])
        status = self.control.get("/v1/wans/gj-kt", uid=KR).json["status"]
        self.assertEqual((status["state"], "reason" in status), ("refused", False))
        while self.control.get("/v1/slices/krs").json["status"]["state"] != "refused" and time.monotonic() < end:
            time.sleep(0.02)
        self.assertIn("device", self.control.get("/v1/slices/krs").json["status"]["reason"])
        self.assertIn("ask the operators", self.control.get("/v1/slices/krs", uid=KR).json["status"]["reason"])
        again = {"documents": [slice_("krs", "gj/p1/10", "bs/p1/10", tenant="kr", vni=5000)]}
        refused = self.control.post("/v1/apply?wait=30", again, uid=KR).json["refused"]
        self.assertIn("ask the operators", refused[0]["reason"])

    def test_a_slice_that_goes_to_another_tenant_leaves_no_users_behind(self):
        answer = self.control.patch("/v1/slices/krl3", {"tenant": "jp"})
        self.assertEqual((answer.status, answer.json.get("by")), (409, "local-data-network krldn"), answer)
        both = [slice_("krl3", tenant="jp", service="l3"), local_network("krldn", "jp", "krl3")]
        self.assertEqual(self.control.apply(both).status, 200)

    # ---- tokens ----

    def token(self, **fields):
        answer = self.control.post("/v1/tokens", {"name": "t", "role": "tenant", "tenant": "kr", **fields})
        self.assertEqual(answer.status, 201, answer)
        return answer.json

    def test_a_key_is_of_one_tenant_however_names_are_written(self):
        one, other = self.token(tenant="a", name="b/c")["token"], self.token(tenant="a/b", name="c")["token"]
        key = {"Idempotency-Key": "once"}
        self.assertEqual(self.control.post("/v1/slices", {"name": "mine"}, headers=key, token=one).status, 201)
        answer = self.control.post("/v1/slices", {"name": "mine"}, headers=key, token=other)
        self.assertEqual((answer.status, answer.headers["Idempotent-Replayed"]), (409, None), answer)

    def listen(self, token):
        """A stream of events, begun."""
        conn = self.control.connection(timeout=20)
        conn.request("GET", "/v1/events?event=intent", headers={"Authorization": "Bearer " + token})
        stream = conn.getresponse()
        self.assertEqual(stream.status, 200)
        return conn, stream

    def heard(self, stream, name):
        """Reads until an event of this name, or the end: False."""
        try:
            while line := stream.readline():
                if line.startswith(b"data:") and b'"%s"' % name.encode() in line:
                    return True
        except (ConnectionError, ValueError, api.http.client.HTTPException):
            pass
        return False

    def cut(self, token, end):
        """end() ends the token: the stream hears nothing of what comes then, and ends."""
        conn, stream = self.listen(token)
        with contextlib.closing(conn):
            self.control.put("/v1/slices/before", {"tenant": "kr"})
            self.assertTrue(self.heard(stream, "before"))
            end()
            time.sleep(1.1)
            self.control.put("/v1/slices/behind", {"tenant": "kr"})
            begun = time.monotonic()
            self.assertFalse(self.heard(stream, "behind"))
            self.assertLess(time.monotonic() - begun, 15)

    def test_a_stream_ends_when_its_token_is_deleted(self):
        token = self.token()
        self.cut(token["token"], lambda: self.control.delete("/v1/tokens/" + token["id"]))

    def test_a_stream_ends_when_its_token_expires(self):
        self.cut(self.token(expires_s=5)["token"], lambda: time.sleep(4.5))

    def test_an_open_connection_ends_with_its_token(self):
        token = self.token()
        with contextlib.closing(self.control.connection()) as conn:
            for status in (200, 401):
                conn.request("GET", "/v1/slices", headers={"Authorization": "Bearer " + token["token"]})
                answer = conn.getresponse()
                answer.read()
                self.assertEqual(answer.status, status)
                self.control.delete("/v1/tokens/" + token["id"])


if __name__ == "__main__":
    unittest.main()
