#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""What a tenant may have, over REST: an operators' intent `tenant`. Nothing without one, 403 that names the limit beyond it, and what
others have booked is not told. What each demand is compared with: tests/control/intent/test_grant.c. Without a dataplane."""
import unittest

import api
from api import JP, KR, OPERATOR, slice_

RATE = {"bandwidth": {"committed_bps": 10_000_000}}
SMALL = {"kind": "tenant", "name": "kr", "slices": 3, "hosts": 1, "committed_bps": 30_000_000,
         "places": [{"site": "gj", "port": "p1", "vlans": [{"first": 10, "last": 19}]},
                    {"site": "bs", "port": "p1", "vlans": [{"first": 10, "last": 19}]}],
         "wans": [{"site": "gj", "wan": "gj-kt"}, {"site": "bs", "wan": "bs-kt"}]}


class Grants(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.control = api.Control().start()
        cls.addClassCleanup(cls.control.close)

    def setUp(self):
        answer = self.control.apply([*api.world(), SMALL, api.grant("jp")], prune="all")
        self.assertEqual(answer.status, 200, answer)

    def refused(self, answer, field, *words):
        self.assertEqual((answer.status, answer.json.get("field")), (403, field), answer)
        for word in words:
            self.assertIn(word, answer.json["detail"])

    def test_nothing_without_one(self):
        self.assertEqual(self.control.delete("/v1/tenants/kr").status, 204)
        for path, body in (("slices", {"name": "a"}), ("slices", slice_("a", "gj/p1/10", **RATE)),
                           ("virtual-dedicated-networks", {"name": "n"}),
                           ("hosts", {"name": "h", "site": "gj", "port": "p1", "vlan": 10, "mac": "02:00:00:00:00:01"})):
            body.pop("kind", None)
            self.refused(self.control.post("/v1/" + path, body, uid=KR), None, "tenant kr has no grant", "operators")
        self.assertEqual(self.control.post("/slices", {}, uid=KR).status, 403)  # the older calls
        self.assertEqual(self.control.all("/v1/slices"), [])

    def test_what_is_in_it_and_no_more(self):
        self.assertEqual(self.control.post("/v1/slices", slice_("a", "gj/p1/10", "bs/p1/10", **RATE), uid=KR).status, 201)
        self.refused(self.control.post("/v1/slices", slice_("b", "gj/p2/10", **RATE), uid=KR), "endpoints[0]", "places", "VLAN 10 of port p2")
        self.refused(self.control.patch("/v1/slices/a", {"bandwidth": None}, uid=KR), "bandwidth", "unmetered")
        self.refused(self.control.patch("/v1/slices/a", {"bandwidth": {"committed_bps": 30_000_001}}, uid=KR),
                     "bandwidth.committed_bps", "committed_bps 30000000", "30000001")
        many = self.control.apply([slice_(f"s{n}", f"gj/p1/{11 + n}", bandwidth={"committed_bps": 1_000_000}) for n in range(3)], uid=KR)
        self.refused(many, "documents[0]", "3 slices")
        self.assertEqual(many.json["limit"], 3)
        self.assertEqual(self.control.get("/v1/slices/a").json["bandwidth"], {"committed_bps": 10_000_000})
        self.assertEqual(len(self.control.all("/v1/slices")), 1)

    def test_a_tenant_reads_its_own_and_writes_none(self):
        rate = {"bandwidth": {"committed_bps": 10_000_000, "peak_bps": 20_000_000}}
        self.assertEqual(self.control.post("/v1/slices", slice_("a", "gj/p1/10", "bs/p1/10", **rate), uid=KR).status, 201)
        self.assertEqual([one["name"] for one in self.control.all("/v1/tenants", uid=KR)], ["kr"])
        own = self.control.get("/v1/tenants/kr", uid=KR).json
        self.assertEqual((own["slices"], own["places"]), (3, SMALL["places"]))
        self.assertEqual(own["status"]["used"], {"slices": 1, "hosts": 0, "local_data_networks": 0, "sessions": 0,
                                                 "committed_bps": 10_000_000, "peak_bps": 20_000_000})
        self.assertEqual(self.control.get("/v1/tenants/jp", uid=KR).status, 404)
        for answer in (self.control.put("/v1/tenants/kr", {"name": "kr", "slices": 9}, uid=KR), self.control.patch("/v1/tenants/kr", {"slices": 9}, uid=KR),
                       self.control.delete("/v1/tenants/kr", uid=KR), self.control.post("/v1/tenants", {"name": "new"}, uid=KR),
                       self.control.apply([{**SMALL, "slices": 9}], uid=KR)):
            self.assertEqual(answer.status, 403, answer)
        self.assertEqual(self.control.apply([], uid=KR, prune="all").status, 200)  # its own only
        self.assertEqual({one["name"] for one in self.control.all("/v1/tenants")}, {"kr", "jp"})

    def test_operators_may_give_more_and_it_stays(self):
        more = slice_("big", "gj/p2/10", tenant="kr", bandwidth={"committed_bps": 40_000_000})
        self.assertEqual(self.control.post("/v1/slices", more, uid=OPERATOR).status, 201)
        self.assertEqual(self.control.patch("/v1/slices/big", {"description": "ours"}, uid=KR).status, 200)
        self.assertEqual(self.control.patch("/v1/slices/big", {"bandwidth": {"committed_bps": 35_000_000}}, uid=KR).status, 200)
        self.refused(self.control.patch("/v1/slices/big", {"bandwidth": {"committed_bps": 36_000_000}}, uid=KR), "bandwidth.committed_bps")
        self.refused(self.control.patch("/v1/slices/big", {"endpoints": [{"site": "gj", "port": "p2", "vlan": 11}]}, uid=KR), "endpoints[0]")

    def test_what_others_have_booked_is_not_told(self):
        self.assertEqual(self.control.post("/v1/slices", slice_("j", "gj/p2/10", "bs/p2/10", bandwidth={"committed_bps": 93_000_000}), uid=JP).status, 201)
        answer = self.control.post("/v1/slices", slice_("a", "gj/p1/10", "bs/p1/10", **RATE), uid=KR)
        self.assertEqual(answer.status, 409, answer)
        self.assertFalse({"limit", "with", "by", "got"} & set(answer.json), answer)
        for told in (answer.text, self.control.get("/v1/wans", uid=KR).text, self.control.get("/v1/wans/gj-kt", uid=KR).text,
                     self.control.get("/v1/topology", uid=KR).text, self.control.get("/metrics", uid=KR).text):
            for figure in ("93000000", "7000000", "11625000", "booked", "left_bps"):
                self.assertNotIn(figure, told)
        self.assertEqual(self.control.get("/v1/wans/gj-kt").json["status"]["booked_bps"], 93_000_000)


if __name__ == "__main__":
    unittest.main()
