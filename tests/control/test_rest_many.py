#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""More than one at the calls that change intents: versions, repeated requests, tenants, many documents at once."""
import concurrent.futures
import contextlib
import fcntl
import json
import select
import struct
import termios
import time
import unittest

import api
from api import JP, KR, OPERATOR, VIEWER, slice_
from rest import Rest


class Preconditions(Rest):
    def test_if_match_of_an_old_version_is_412(self):
        first = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10")), 201).etag
        second = self.ok(self.control.patch("/v1/slices/air", {"description": "x"}, headers={"If-Match": first})).etag
        with self.unchanged():
            stale = {"If-Match": first}
            self.problem(self.control.patch("/v1/slices/air", {"description": "y"}, headers=stale), 412)
            self.problem(self.control.put("/v1/slices/air", slice_("air", "gj/p1/12"), headers=stale), 412)
            self.problem(self.control.delete("/v1/slices/air", headers=stale), 412)
            self.problem(self.control.put("/v1/slices/new", slice_("new", "gj/p1/13"), headers={"If-Match": "*"}), 412)
            self.problem(self.control.delete("/v1/slices/air", headers={"If-Match": "W/" + second}), 412)
            self.problem(self.control.put("/v1/slices/air", slice_("air", "gj/p1/12"), headers={"If-None-Match": "*"}), 412)
        self.ok(self.control.delete("/v1/slices/air", headers={"If-Match": f'"1", {second}'}), 204)

    def test_get_of_what_one_has_is_304(self):
        made = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10")), 201).etag
        etag = self.ok(self.control.get("/v1/slices/air")).etag
        same = self.ok(self.control.get("/v1/slices/air", headers={"If-None-Match": etag}), 304)
        self.assertEqual((same.text, same.etag), ("", etag))
        for other in ('"0"', made, made[:-1] + '.0"'):  # made says nothing of the status
            self.ok(self.control.get("/v1/slices/air", headers={"If-None-Match": other}))

    def test_a_status_that_has_changed_is_not_304(self):
        wan = self.ok(self.control.get("/v1/wans/gj-kt"))
        self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10", "bs/p1/10", bandwidth={"committed_bps": 1_000_000})), 201)
        now = self.ok(self.control.get("/v1/wans/gj-kt", headers={"If-None-Match": wan.etag}))
        self.assertEqual((now.json["meta"], now.json["status"]["booked_bps"]), (wan.json["meta"], 1_000_000))
        self.assertNotEqual(now.etag, wan.etag)
        # a change is about the specification: either tag of it will do
        self.ok(self.control.patch("/v1/wans/gj-kt", {"provider": "kt"}, headers={"If-Match": wan.etag}))
        self.problem(self.control.patch("/v1/wans/gj-kt", {"provider": "lg"}, headers={"If-Match": now.etag}), 412)

    def test_of_many_writers_with_one_version_one_wins(self):
        etag = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10")), 201).etag
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            done = list(pool.map(lambda i: self.control.patch("/v1/slices/air", {"description": f"by {i}"},
                                                              headers={"If-Match": etag}), range(16)))
        self.assertEqual(sorted(answer.status for answer in done), [200] + 15 * [412])
        winner = next(answer for answer in done if answer.status == 200)
        self.assertEqual(self.control.get("/v1/slices/air").json["description"], winner.json["description"])

    def test_of_many_makers_of_one_name_one_wins(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            done = list(pool.map(lambda i: self.control.post("/v1/slices", slice_("air", f"gj/p1/{i + 20}")).status, range(8)))
        self.assertEqual(sorted(done), [201] + 7 * [409])


class DryRun(Rest):
    def test_dry_run_says_what_would_change_and_changes_nothing(self):
        self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10")), 201)
        with self.unchanged():
            made = self.ok(self.control.post("/v1/slices?dry_run=1", slice_("bee", "gj/p1/11"))).json
            self.assertIs(made["dry_run"], True)
            self.assertEqual([(c["kind"], c["name"], c["effect"], c["before"]) for c in made["changes"]],
                             [("slice", "bee", "created", None)])
            self.assertGreaterEqual(made["changes"][0]["after"]["vni"], 4096)
            changed = self.ok(self.control.patch("/v1/slices/air?dry_run=true", {"mtu": 1400})).json["changes"]
            self.assertEqual((changed[0]["effect"], changed[0]["after"]["mtu"]), ("updated", 1400))
            self.assertNotIn("mtu", changed[0]["before"])
            gone = self.ok(self.control.delete("/v1/slices/air?dry_run=1")).json["changes"]
            self.assertEqual((gone[0]["effect"], gone[0]["after"]), ("deleted", None))
            same = self.ok(self.control.patch("/v1/slices/air?dry_run=1", {})).json["changes"]
            self.assertEqual(same, [])
            self.problem(self.control.post("/v1/slices?dry_run=1", slice_("bee", "gj/nowhere/11")), 422)
            answer = self.ok(self.control.apply([slice_("c", "bs/p1/1")], "?dry_run=1", prune=True)).json
            self.assertEqual([(c["name"], c["effect"]) for c in answer["changes"]], [("c", "created"), ("air", "deleted")])


class Idempotency(Rest):
    def test_the_same_request_again_gets_the_same_answer(self):
        key = {"Idempotency-Key": "create-air-1"}
        first = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10"), headers=key), 201)
        self.assertIsNone(first.headers["Idempotent-Replayed"])
        with self.unchanged():
            again = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10"), headers=key), 201)
            self.assertEqual(again.headers["Idempotent-Replayed"], "true")
            self.assertEqual((again.json, again.etag), (first.json, first.etag))
            self.problem(self.control.post("/v1/slices", slice_("air", "gj/p1/11"), headers=key), 422)
        gone = {"Idempotency-Key": "delete-air-1"}
        self.ok(self.control.delete("/v1/slices/air", headers=gone), 204)
        again = self.ok(self.control.delete("/v1/slices/air", headers=gone), 204)
        self.assertEqual(again.headers["Idempotent-Replayed"], "true")

    def test_a_key_is_its_actors_and_refusals_are_not_kept(self):
        key = {"Idempotency-Key": "k-2"}
        self.problem(self.control.post("/v1/slices", slice_("air", "gj/no/10"), headers=key), 422)
        self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10"), headers=key), 201)
        self.ok(self.control.post("/v1/slices", slice_("kr-air", "gj/p1/11"), headers=key, uid=KR), 201)
        for bad in ("", "with space", "x" * 129):
            self.problem(self.control.post("/v1/slices", slice_("bee", "gj/p1/12"), headers={"Idempotency-Key": bad}), 400)

    def test_a_key_outlives_a_crash(self):
        key = {"Idempotency-Key": "k-3"}
        first = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10"), headers=key), 201)
        self.control.kill()
        self.control.start()
        again = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10"), headers=key), 201)
        self.assertEqual(again.json, first.json)
        self.assertEqual(self.control.get("/v1/slices/air").json["meta"], first.json["meta"])


class Tenants(Rest):
    def test_a_tenant_writes_its_own_only(self):
        made = self.ok(self.control.post("/v1/slices", slice_("air", "gj/p1/10"), uid=KR), 201)
        self.assertEqual(made.json["tenant"], "kr")
        with self.unchanged():
            self.problem(self.control.get("/v1/slices/air", uid=JP), 404)
            self.problem(self.control.delete("/v1/slices/air", uid=JP), 404)
            self.problem(self.control.patch("/v1/slices/air", {"mtu": 1400}, uid=JP), 404)
            for answer in (self.control.put("/v1/slices/air", slice_("air", "gj/p1/11"), uid=JP),
                           self.control.post("/v1/slices", slice_("air", "gj/p1/11"), uid=JP),
                           self.control.post("/v1/slices", slice_("bee", "gj/p1/10"), uid=JP)):
                self.problem(answer, 409)
                self.assertNotIn("kr", answer.text.replace("kr-", ""))
            self.assertNotIn("air", answer.text)  # whose place it is, is not said
            self.problem(self.control.post("/v1/slices", slice_("bee", "gj/p1/11", tenant="kr"), uid=JP), 403)
            self.problem(self.control.patch("/v1/slices/air", {"tenant": "jp"}, uid=KR), 403)
            self.problem(self.control.put("/v1/sites/gj", {"ports": []}, uid=KR), 403)
            self.problem(self.control.delete("/v1/wans/gj-kt", uid=KR), 403)
            self.problem(self.control.apply([api.site("new")], uid=KR), 403)
            for method in ("post", "put", "patch"):
                path = "/v1/slices" if method == "post" else "/v1/slices/air"
                self.problem(getattr(self.control, method)(path, slice_("air", "gj/p1/10"), uid=VIEWER), 403)
            self.problem(self.control.delete("/v1/slices/air", uid=VIEWER), 403)
        self.ok(self.control.patch("/v1/slices/air", {"tenant": None, "mtu": 1400}, uid=KR))
        self.assertEqual(self.control.get("/v1/slices/air").json["tenant"], "kr")
        self.ok(self.control.patch("/v1/slices/air", {"tenant": "jp"}, uid=OPERATOR))
        self.problem(self.control.get("/v1/slices/air", uid=KR), 404)
        self.ok(self.control.delete("/v1/slices/air", uid=JP), 204)

    def test_prune_of_a_tenant_leaves_the_others(self):
        self.ok(self.control.apply([slice_("k1", "gj/p1/10", tenant="kr"), slice_("k2", "gj/p1/11", tenant="kr"),
                                    slice_("j1", "gj/p1/12", tenant="jp")]))
        answer = self.ok(self.control.apply([slice_("k1", "gj/p1/10")], uid=KR, prune="all")).json
        self.assertEqual((answer["deleted"], answer["unchanged"]), (1, 1))
        self.assertEqual([s["name"] for s in self.control.all("/v1/slices")], ["j1", "k1"])

    def test_history_of_a_tenant(self):
        self.ok(self.control.apply([slice_("k9", "gj/p1/10", tenant="kr"), slice_("j9", "gj/p1/12", tenant="jp")]))
        items = self.ok(self.control.get("/v1/history?limit=1000", uid=KR)).json["items"]
        self.assertTrue(items)
        self.assertTrue(all((i["after"] or i["before"])["tenant"] == "kr" for i in items))
        self.problem(self.control.get("/v1/slices/j9/history", uid=KR), 404)
        self.ok(self.control.patch("/v1/slices/k9", {"tenant": "jp", "description": "secret"}))
        newest = self.ok(self.control.get("/v1/slices/k9/history", uid=KR)).json["items"][0]
        self.assertIsNone(newest["after"])
        self.assertNotIn("secret", json.dumps(newest))


class Pieces(Rest):
    def begin(self, connection, documents):
        """Sends an apply; comes back when the other side has read all of it."""
        connection.request("POST", "/v1/apply", json.dumps({"documents": documents}), {"Content-Type": "application/json"})
        while struct.unpack("i", fcntl.ioctl(connection.sock, termios.TIOCOUTQ, bytes(4)))[0]:
            time.sleep(0.001)

    def many(self):
        """Long to read; the second is refused when all are read."""
        ends = [f"site{n}/p1/{n + 10}" for n in range(10)]
        return [slice_("same", "gj/p1/10"), slice_("same", "gj/p1/10"), *(slice_(f"s{i}", *ends) for i in range(12000))]

    def overtakes(self):
        """Is a small request that comes behind an apply answered before it?"""
        with contextlib.closing(self.control.connection()) as large, contextlib.closing(self.control.connection()) as small:
            small.connect()
            body = json.dumps(slice_("air", "gj/p1/10"))
            self.begin(large, self.many())
            small.request("PUT", "/v1/slices/air", body, {"Content-Type": "application/json"})
            self.assertIn(api.Answer(small.getresponse()).status, (200, 201))
            first = not select.select([large.sock], [], [], 0)[0]
            self.problem(api.Answer(large.getresponse()), 422, field="documents[1].name")
        self.assertEqual([s["name"] for s in self.control.get("/v1/slices").json["items"]], ["air"])
        return first

    def test_others_go_on_while_an_apply_is_read(self):
        # one of ten times we, who ask, have the CPU while it is read
        self.assertTrue(any(self.overtakes() for _ in range(10)), "the apply was answered first")

    def test_who_goes_meanwhile_takes_the_apply_along(self):
        with contextlib.closing(self.control.connection()) as large:
            self.begin(large, [slice_("air", "gj/p1/10"), *self.many()[2:]])
        with self.unchanged():
            time.sleep(0.2)


class Apply(Rest):
    def test_apply_counts_and_names_what_it_did(self):
        first = self.ok(self.control.apply([slice_("a", "gj/p1/10"), slice_("b", "gj/p1/11")])).json
        self.assertEqual([first[k] for k in ("created", "updated", "unchanged", "deleted")], [2, 0, 0, 0])
        second = self.ok(self.control.apply([slice_("a", "gj/p1/10"), slice_("c", "gj/p1/11")], prune=True)).json
        self.assertEqual([second[k] for k in ("created", "updated", "unchanged", "deleted")], [1, 0, 1, 1])
        self.assertEqual(sorted((c["name"], c["effect"]) for c in second["changes"]), [("b", "deleted"), ("c", "created")])
        self.assertEqual(second["revision"], first["revision"] + 1)
        self.assertEqual(len(self.control.all("/v1/sites")), 2)  # of another kind: not pruned
        third = self.ok(self.control.apply([slice_("a", "gj/p1/10")])).json
        self.assertEqual((third["revision"], third["changes"]), (second["revision"], []))

    def test_order_of_documents_does_not_matter(self):
        self.ok(self.control.apply(list(reversed([*api.world(), slice_("a", "gj/p1/10", "bs/p1/9")]))))

    def test_one_bad_document_refuses_all_and_is_named(self):
        good = slice_("a", "gj/p1/10")
        with self.unchanged():
            for bad, field in ((slice_("b", "gj/none/10"), "documents[1].endpoints[0].port"),
                               (slice_("b", "gj/p1/5000"), "documents[1].endpoints[0].vlan"),
                               ({"kind": "slice", "name": "b", "colour": 1}, "documents[1].colour"),
                               ({"kind": "cloud", "name": "b"}, "documents[1].kind"), ({"name": "b"}, "documents[1].kind"),
                               ({"kind": "slice"}, "documents[1].name"), (7, "documents[1]"),
                               (slice_("a", "gj/p1/11"), "documents[1].name")):
                self.problem(self.control.apply([good, bad]), 422, field=field)
            for body, field in (({"documents": 1}, "documents"), ({}, "documents"), ({"documents": [], "prune": 3}, "prune"),
                                ({"documents": [], "x": 1}, "x")):
                self.problem(self.control.post("/v1/apply", body), 422, field=field)
            self.problem(self.control.post("/v1/apply", []), 422)

    def test_wait_answers_when_the_time_is_over(self):
        answer = self.ok(self.control.apply([slice_("a", "gj/p1/10")], "?wait=1")).json
        self.assertEqual(answer["refused"], [])
        self.assertIn("settled", answer)
        made = self.ok(self.control.post("/v1/slices?wait=1", slice_("b", "gj/p1/11")), 201)
        self.assertEqual(made.json["name"], "b")
        self.ok(self.control.delete("/v1/slices/b?wait=1"), 204)
        for wait in ("61", "-1", "x"):
            self.problem(self.control.apply([], "?wait=" + wait), 400)

    def test_a_client_that_goes_while_it_waits_does_no_harm(self):
        for i in range(10):
            conn = self.control.connection()
            conn.request("PUT", f"/v1/slices/w{i}?wait=20", json.dumps(slice_(f"w{i}", f"gj/p1/{i + 50}")),
                         {"Content-Type": "application/json"})
            self.wait_for(lambda: self.control.get(f"/v1/slices/w{i}").status == 200)
            conn.close()
        self.assertEqual(len(self.control.all("/v1/slices")), 10)

    def wait_for(self, what):
        for _ in range(500):
            if what():
                return
        self.fail("it did not come")


if __name__ == "__main__":
    unittest.main()
