#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The calls that change and show intents, against a sluice-control without a dataplane: what they answer, what they
refuse and how, and that what is refused changes nothing."""
import json
import os
import time
import unittest
import urllib.parse

from api import JP, KR, OPERATOR, VIEWER, slice_
from rest import Rest


class Crud(Rest):
    def test_create_get_replace_patch_delete(self):
        made = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10", "bs/p1/10")), 201)
        self.assertEqual(made.headers["Location"], "/v1/slices/air")
        self.assertGreaterEqual(made.json["vni"], 4096)
        self.assertEqual(made.json["endpoints"][0]["wan"], "gj-kt")
        self.assertEqual(made.json["meta"]["updated_by"], "root")
        self.assertEqual(made.etag, '"%d"' % made.json["meta"]["revision"])
        got = self.ok(self.control.get("/v1/slices/air"))
        self.assertEqual((got.etag.split(".")[0], got.json["vni"]), (made.etag.rstrip('"'), made.json["vni"]))
        self.assertEqual(got.json["meta"], made.json["meta"])

        put = self.ok(self.control.put("/v1/slices/air", slice_("air", "gj/p1/11", "bs/p1/10")))
        self.assertNotEqual(put.etag, made.etag)
        self.assertEqual(put.json["endpoints"][0]["vlan"], 11)
        self.assertEqual(put.json["meta"]["created_us"], made.json["meta"]["created_us"])
        patched = self.ok(self.control.patch("/v1/slices/air", {"description": "mine", "mtu": 1400}))
        self.assertEqual(patched.json["endpoints"], put.json["endpoints"])
        patched = self.ok(self.control.patch("/v1/slices/air", {"mtu": None}))
        self.assertNotIn("mtu", patched.json)
        self.assertEqual(patched.json["description"], "mine")

        gone = self.ok(self.control.delete("/v1/slices/air"), 204)
        self.assertEqual(gone.text, "")
        self.problem(self.control.get("/v1/slices/air"), 404)
        self.problem(self.control.delete("/v1/slices/air"), 404)
        self.problem(self.control.patch("/v1/slices/air", {}), 404)

    def test_put_makes_what_is_not_there_and_needs_no_name_in_the_body(self):
        made = self.ok(self.control.put("/v1/hosts/h1", {"site": "gj", "port": "p2", "mac": "02:00:00:00:00:01"}), 201)
        self.assertEqual(made.json["name"], "h1")
        with self.unchanged():
            self.problem(self.control.put("/v1/hosts/h1", {"name": "h2"}), 422, field="name")
            self.problem(self.control.patch("/v1/hosts/h1", {"name": "h2"}), 422, field="name")

    def test_put_of_the_same_changes_nothing(self):
        made = self.ok(self.control.post("/v1/slices", slice_("same", "gj/p1/10", "bs/p1/10")), 201)
        again = self.ok(self.control.put("/v1/slices/same", made.json))
        self.assertEqual(again.etag, made.etag)
        self.assertEqual(len(self.ok(self.control.get("/v1/slices/same/history")).json["items"]), 1)

    def test_post_of_a_name_that_is_there(self):
        self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10")), 201)
        with self.unchanged():
            self.problem(self.control.post("/v1/slices", slice_("air", "gj/p1/12")), 409)

    def test_conflicts_and_capacity_say_what_is_in_the_way(self):
        self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10", "bs/p1/10",
                                                       bandwidth={"committed_bps": 80_000_000})), 201)
        with self.unchanged():
            taken = self.problem(self.control.post("/v1/slices", slice_("bee", "gj/p1/10")), 409)
            self.assertEqual(taken.json["with"], "slice air")
            full = self.problem(self.control.post("/v1/slices", slice_(
                "bee", "gj/p1/11", "bs/p1/11", bandwidth={"committed_bps": 30_000_000})), 409)
            self.assertEqual(full.json["limit"], 100_000_000)
            self.assertIn("20000000", full.json["detail"])
            used = self.problem(self.control.delete("/v1/wans/gj-kt"), 409)
            self.assertEqual(used.json["by"], "slice air")
            self.problem(self.control.delete("/v1/sites/gj"), 409)
        self.assertEqual(self.control.get("/v1/wans/gj-kt").json["status"]["left_bps"], 20_000_000)


class Lists(Rest):
    def setUp(self):
        super().setUp()
        self.names = [f"s{i:03}" for i in range(25)]
        self.ok(self.control.apply([slice_(name, f"{'gj' if i % 5 else 'bs'}/p1/{i + 10}", tenant="kr" if i % 2 else "jp")
                                    for i, name in enumerate(self.names)]))

    def test_pages_have_all_once_in_order(self):
        seen, path = [], "/v1/slices?limit=7"
        for _ in range(10):
            answer = self.ok(self.control.get(path))
            seen += [item["name"] for item in answer.json["items"]]
            link = answer.headers["Link"]
            if "next" not in answer.json:
                self.assertIsNone(link)
                break
            path = link[1:link.index(">")]
            self.assertTrue(link.endswith('; rel="next"'))
        self.assertEqual(seen, self.names)

    def test_filters_and_their_pages(self):
        kr = [name for i, name in enumerate(self.names) if i % 2]
        self.assertEqual([s["name"] for s in self.control.get("/v1/slices?tenant=kr").json["items"]], kr)
        page = self.control.get("/v1/slices?tenant=kr&site=gj&limit=3")
        self.assertIn("tenant=kr", page.headers["Link"])
        self.assertEqual([s["name"] for s in page.json["items"]], ["s001", "s003", "s007"])
        self.assertEqual(len(self.control.get("/v1/slices?site=bs").json["items"]), 5)
        self.assertEqual(self.control.get("/v1/slices?state=refused").json["items"], [])
        self.assertEqual([s["name"] for s in self.control.get("/v1/sites?site=gj").json["items"]], ["gj"])
        self.ok(self.control.post("/v1/hosts", {"name": "at-gj", "site": "gj", "port": "p2", "vlan": 99, "mac": "02:00:00:00:00:99"}), 201)
        self.ok(self.control.post("/v1/virtual-dedicated-networks", {"name": "by-hosts", "hosts": ["at-gj"]}), 201)
        for site, names in (("gj", ["by-hosts"]), ("bs", [])):  # by its hosts
            found = self.control.get("/v1/virtual-dedicated-networks?site=" + site).json["items"]
            self.assertEqual([n["name"] for n in found if n["name"] == "by-hosts"], names)
        for path in ("/v1/virtual-dedicated-networks/by-hosts", "/v1/hosts/at-gj"):
            self.ok(self.control.delete(path), 204)

    def test_bad_queries(self):
        for query in ("limit=0", "limit=1001", "limit=x", "state=happy", "colour=red", "limit=-1"):
            self.problem(self.control.get("/v1/slices?" + query), 400)
        self.assertEqual(self.control.get("/v1/slices?after=zzz").json["items"], [])

    def test_tenants_see_their_own_and_of_sites_the_names(self):
        self.assertEqual({s["tenant"] for s in self.control.all("/v1/slices", uid=KR)}, {"kr"})
        self.assertEqual(len(self.control.all("/v1/slices", uid=KR, limit=3)), 12)
        self.problem(self.control.get("/v1/slices/s000", uid=KR), 404)
        seen = self.ok(self.control.get("/v1/wans/gj-kt", uid=KR)).json
        self.assertEqual(seen["site"], "gj")
        self.assertNotIn("addresses", seen)
        self.assertEqual(self.ok(self.control.get("/v1/sites/gj", uid=KR)).json["ports"][0].keys(), {"name", "mtu"})
        self.assertEqual(len(self.control.all("/v1/slices", uid=VIEWER)), 25)


class BadInput(Rest):
    def test_bodies_that_are_not_as_they_should(self):
        with self.unchanged():
            for body in ("", "{", '{"name":"a"', "nonsense", '{"name":"a","name":"b"}', b"\xff\xfe", "[" * 100000):
                self.problem(self.control.post("/v1/slices", body), 400)
            for body in ([], 3, "text", None, True):
                self.assertIn(self.control.post("/v1/slices", json.dumps(body)).status, (400, 422))
                self.assertIn(self.control.put("/v1/slices/a", json.dumps(body)).status, (400, 422))
            self.problem(self.control.put("/v1/slices/a", "{}", headers={"Content-Type": "text/plain"}), 415)

    def test_fields_are_named(self):
        good = slice_("a", "gj/p1/10")
        with self.unchanged():
            for change, field in (({"colour": "red"}, "colour"), ({"mtu": "big"}, "mtu"), ({"vni": 0}, "vni"),
                                  ({"vni": 1 << 24}, "vni"), ({"service": "l4"}, "service"),
                                  ({"endpoints": {}}, "endpoints"),
                                  ({"endpoints": [{"site": "gj"}]}, "endpoints[0].port"),
                                  ({"endpoints": [{"site": "xx", "port": "p1"}]}, "endpoints[0].site"),
                                  ({"endpoints": [{"site": "gj", "port": "xx"}]}, "endpoints[0].port"),
                                  ({"bandwidth": {"committed_bps": -1}}, "bandwidth.committed_bps"),
                                  ({"name": 5}, "name"), ({"tenant": 5}, "tenant"), ({"kind": "wan"}, "kind"),
                                  ({"kind": None}, "kind")):
                answer = self.problem(self.control.post("/v1/slices", {**good, **change}), 422, field=field)
                self.assertTrue(answer.json["want"], answer)
            self.problem(self.control.post("/v1/slices", {"endpoints": []}), 422, field="name")
            self.problem(self.control.post("/v1/slices", {**good, "tenant": 5}, uid=KR), 422, field="tenant")

    def test_names_with_odd_characters(self):
        odd = ["a b", "a/b", "../etc/passwd", "%2e%2e", "a\u0000b", "a\nb", "ü", "💥", "a?b", "a#b", "a;b", "'", '"', "<b>",
               "-" * 31, ""]
        with self.unchanged():
            for name in odd:
                self.problem(self.control.post("/v1/slices", slice_(name, "gj/p1/10")), 400 if "\0" in name else 422)
                path = "/v1/slices/" + urllib.parse.quote(name, safe="")
                for method in ("GET", "DELETE"):
                    self.assertIn(self.control.request(method, path).status, (400, 404, 405), (method, name))
                self.assertIn(self.control.put(path, slice_(name, "gj/p1/10")).status, (400, 404, 405, 422), name)
            for path in ("/v1/slices/../sites", "/v1/slices/%2e%2e/sites/gj", "/v1//slices", "/v1/slices/%00", "/v1/slices/%zz",
                         "/etc/passwd", "/v1/nothing", "//", "/v1/slices/a/b/c/d/e/f/g/h/i"):
                self.assertIn(self.control.get(path).status, (400, 404), path)

    def test_names_with_all_that_is_allowed(self):
        name = "a.B_c-1@x"
        made = self.ok(self.control.put("/v1/slices/" + urllib.parse.quote(name, safe=""), slice_(name, "gj/p1/10")), 201)
        self.assertEqual(self.ok(self.control.get(made.headers["Location"])).json["name"], name)
        self.assertEqual(self.ok(self.control.get("/v1/slices/%61.B_c-1%40x")).json["name"], name)

    def test_methods_that_are_not_there(self):
        for method, path in (("PUT", "/v1/slices"), ("POST", "/v1/slices/a"), ("GET", "/v1/apply"), ("DELETE", "/v1/sites")):
            answer = self.problem(self.control.request(method, path), 405)
            self.assertTrue(answer.headers["Allow"])


class Others(Rest):
    def test_history_has_who_and_what_and_pages(self):
        self.ok(self.control.post("/v1/slices", slice_("hist", "gj/p1/10")), 201)
        for i in range(5):
            self.ok(self.control.patch("/v1/slices/hist", {"description": str(i)}, uid=OPERATOR if i else 0))
        self.ok(self.control.delete("/v1/slices/hist"), 204)
        page = self.ok(self.control.get("/v1/slices/hist/history?limit=4")).json
        self.assertEqual([i["after"] and i["after"].get("description") for i in page["items"]], [None, "4", "3", "2"])
        self.assertEqual(page["items"][1]["before"]["description"], "3")
        rest = self.ok(self.control.get(f"/v1/slices/hist/history?limit=4&before={page['next']}")).json
        self.assertEqual(len(rest["items"]), 3)
        self.assertNotIn("next", rest)
        self.assertIsNone(rest["items"][-1]["before"])
        self.problem(self.control.get("/v1/slices/never/history"), 404)
        self.problem(self.control.get("/v1/history?kind=cloud"), 400)
        self.assertEqual({i["kind"] for i in self.control.get("/v1/history?kind=wan").json["items"]}, {"wan"})

    def test_a_revision_of_many_changes_is_paged(self):
        self.ok(self.control.apply([slice_(f"p{i}", f"gj/p1/{i + 1}") for i in range(30)]))
        seen, before = set(), 0
        for _ in range(3):
            page = self.ok(self.control.get(f"/v1/history?limit=10&before={before}")).json
            seen |= {i["name"] for i in page["items"]}
            before = page["next"]
        self.assertTrue({f"p{i}" for i in range(30)} <= seen)

    def test_repeated_long_answer_has_its_small_fields(self):
        self.ok(self.control.put("/v1/sites/long", {"ports": [{"name": f"p{n}"} for n in range(60)]}), 201)
        ends = [{"site": "long", "port": f"p{n}", "vlan": v} for n in range(60) for v in range(1, 5)]
        body = {"endpoints": ends}
        first = self.ok(self.control.put("/v1/slices/long", body, headers={"Idempotency-Key": "long"}), 201)
        again = self.ok(self.control.put("/v1/slices/long", body, headers={"Idempotency-Key": "long"}), 201)
        self.assertEqual(len(first.json["endpoints"]), 240)
        self.assertEqual(again.json["left_out"], ["endpoints"])
        self.assertEqual({**again.json, "left_out": 0}, {**{k: v for k, v in first.json.items() if k != "endpoints"}, "left_out": 0})
        self.assertEqual(again.headers["Idempotent-Replayed"], "true")
        self.control.delete("/v1/slices/long")
        self.control.delete("/v1/sites/long")

    def test_audit_has_changes_and_refusals_for_admins(self):
        self.ok(self.control.post("/v1/slices", slice_("audited", "gj/p1/10"), uid=KR), 201)
        self.problem(self.control.delete("/v1/slices/audited", uid=JP), 404)
        items = self.ok(self.control.get("/v1/audit?limit=2")).json["items"]
        self.assertEqual([(i["action"], i["status"]) for i in items],
                         [("DELETE /v1/slices/audited", 404), ("POST /v1/slices", 200)])
        self.assertIn(str(KR), items[1]["source"])
        for uid in (KR, VIEWER, OPERATOR):
            self.problem(self.control.get("/v1/audit", uid=uid), 403)

    def test_tokens(self):
        made = self.ok(self.control.post("/v1/tokens", {"name": "ci", "role": "tenant", "tenant": "kr", "expires_s": 3600}), 201)
        token = made.json["token"]
        self.assertRegex(token, r"^slt_[A-Za-z0-9_-]{43}$")
        listed = next(t for t in self.control.get("/v1/tokens").json["items"] if t["id"] == made.json["id"])
        self.assertEqual({**listed, "token": token}, made.json)
        self.assertEqual(listed.keys(), {"id", "name", "role", "tenant", "created_us", "expires_us"})
        self.assertEqual(listed["expires_us"] - listed["created_us"], 3600 * 1000000)
        self.ok(self.control.post("/v1/slices", slice_("by-token", "gj/p1/10"), token=token), 201)
        self.assertEqual(self.control.get("/v1/slices/by-token").json["tenant"], "kr")
        self.problem(self.control.get("/v1/tokens", token=token), 403)
        self.problem(self.control.get("/v1/slices", token=token[:-1]), 401)
        short = self.ok(self.control.post("/v1/tokens", {"name": "short", "role": "viewer", "expires_s": 1}), 201).json["token"]
        time.sleep(1.1)
        self.problem(self.control.get("/v1/slices", token=short), 401)
        for name in os.listdir(self.control.store):
            with open(os.path.join(self.control.store, name), "rb") as file:
                self.assertNotIn(token.encode(), file.read())
        self.ok(self.control.delete("/v1/tokens/" + made.json["id"]), 204)
        self.problem(self.control.get("/v1/slices", token=token), 401)
        self.problem(self.control.delete("/v1/tokens/" + made.json["id"]), 404)
        self.problem(self.control.delete("/v1/tokens/" + "x" * 100), 404)
        for bad, field in (({"role": "viewer"}, "name"), ({"name": "x"}, "role"), ({"name": "x", "role": "none"}, "role"),
                           ({"name": "x", "role": "tenant"}, "tenant"), ({"name": "x", "role": "admin", "tenant": "kr"}, "tenant"),
                           ({"name": "x", "role": "viewer", "expires_s": 0}, "expires_s"),
                           ({"name": "x", "role": "viewer", "more": 0}, "more"), ({"name": "a b", "role": "viewer"}, "name")):
            self.problem(self.control.post("/v1/tokens", bad), 422, field=field)
        for uid in (KR, VIEWER, OPERATOR):
            self.problem(self.control.post("/v1/tokens", {"name": "x", "role": "viewer"}, uid=uid), 403)
            self.problem(self.control.get("/v1/tokens", uid=uid), 403)

    def test_what_was_acknowledged_survives_kill_9_and_a_clean_stop(self):
        for end in (self.control.kill, self.control.stop):
            self.ok(self.control.apply([slice_(f"d{i}", f"gj/p1/{i + 1}", "bs/p2/%d" % (i + 1)) for i in range(50)]))
            before = self.everything()
            end()
            self.control.start()
            after = self.everything()
            for items in (*before.values(), *after.values()):
                for item in items:
                    item.pop("status")
            self.assertEqual(after, before)

    def test_every_call_of_every_type_that_openapi_names(self):
        mac = "02:00:00:00:00:0"
        self.ok(self.control.apply([
            {"kind": "slice", "name": "l3", "service": "l3", "endpoints": [
                {"site": "gj", "port": "p2", "vlan": 9, "gateway": "198.18.9.1/24"}]},
            *({"kind": "host", "name": f"h{i}", "site": "gj", "port": "p2", "vlan": 8, "mac": mac + str(i)} for i in (1, 2))]))
        bodies = {
            "sites": ({"name": "x", "ports": [{"name": "p"}]}, {"description": "d"}),
            "wans": ({"name": "x", "site": "gj", "addresses": ["198.18.5.1/24"]}, {"provider": "d"}),
            "slices": (slice_("x", "gj/p1/10", "bs/p1/10"), {"description": "d"}),
            "hosts": ({"name": "x", "site": "gj", "port": "p1", "mac": mac + "9"}, {"vlan": 7}),
            "virtual-dedicated-networks": ({"name": "x", "hosts": ["h1", "h2"]}, {"description": "d"}),
            "local-data-networks": ({"name": "x", "slice": "l3", "prefixes": ["198.19.0.0/16"]}, {"dnn": "edge"}),
            "sessions": ({"name": "x", "site": "gj", "slice": "l3", "ue": {"ipv4": "198.18.77.1"}, "pdrs": [
                {"id": 1, "precedence": 10, "source": "core", "far": 1}], "fars": [{"id": 1, "action": "drop"}]}, {"dnn": "edge"}),
        }
        called = set()

        def call(method, path, of, status, body=None):
            called.add((method, path + of))
            return self.ok(self.control.request(method, path + of.replace("{name}", "x"), body), status)

        for path, (body, patch) in bodies.items():
            path = "/v1/" + path
            made = call("POST", path, "", 201, body)
            call("GET", path, "", 200)
            got = call("GET", path, "/{name}", 200).json
            self.assertEqual({**got, "status": 0}, {**made.json, "status": 0})
            patched = call("PATCH", path, "/{name}", 200, patch).json
            self.assertLessEqual(patch.items(), patched.items())
            back = call("PUT", path, "/{name}", 200, made.json).json
            self.assertEqual({**back, "meta": 0, "status": 0}, {**made.json, "meta": 0, "status": 0})
            self.assertEqual(len(call("GET", path, "/{name}/history", 200).json["items"][:3]), 3)
            call("DELETE", path, "/{name}", 204)
        named = {(method.upper(), path) for path, methods in self.ok(self.control.get("/v1/openapi.json")).json["paths"].items()
                 for method in methods if path.startswith("/v1/")
                 and path.split("/")[2] in bodies}
        self.assertEqual(called, named)


if __name__ == "__main__":
    unittest.main()
