#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
# run: both
"""?wait= with a real dataplane: the answer comes when it has the change, or has refused it; what is done is there, and
what is refused says why and does not hold up the rest."""
import unittest

import api
from api import slice_


def world(device1=api.null(1)):
    """As api.world(), with devices at gj."""
    return [api.site("gj", {"name": "p1", "device": api.null(0)}), api.site("bs", "p1"),
            api.wan("gj-kt", "gj", mtu=1600, device=device1, tap=False, addresses=["198.18.0.1/24"],
                    neighbors=[{"address": "198.18.0.2", "mac": "02:00:00:00:00:02"}]),
            api.wan("bs-kt", "bs", mtu=1600, addresses=["198.18.0.2/24"])]


class Wait(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.control = api.Control(dataplane=True).start()
        cls.addClassCleanup(cls.control.close)
        answer = cls.control.apply(world(), "?wait=30")
        assert answer.status == 200 and answer.json["settled"] and not answer.json["refused"], (answer, cls.control.said())

    def test_what_was_waited_for_is_in_the_dataplane(self):
        made = self.control.post("/v1/slices?wait=10", slice_("air", "gj/p1/10", "bs/p1/10"))
        self.assertEqual(made.status, 201, made)
        self.assertEqual(made.json["status"]["state"], "applied", made)
        self.assertIn("air", [s["name"] for s in self.control.dataplane.list("slice")])
        self.assertIn(10, [a.get("vlan") for a in self.control.dataplane.list("attachment")])
        far = self.control.post("/v1/slices?wait=10", slice_("far", "bs/p1/11"))
        self.assertEqual(far.json["status"]["state"], "elsewhere", far)
        self.assertEqual(self.control.delete("/v1/slices/air?wait=10").status, 204)
        self.assertNotIn("air", [s["name"] for s in self.control.dataplane.list("slice")])

    def test_one_that_is_refused_says_why_and_the_others_go_on(self):
        bad = api.wan("gj-bad", "gj", mtu=1600, device="net_nonsense0", tap=False, addresses=["198.18.1.1/24"],
                      preference=200)  # not one that the slice would take
        answer = self.control.apply([bad, slice_("bee", "gj/p1/20", "bs/p1/20")], "?wait=20&check=false")
        self.assertEqual(answer.status, 200, answer)
        self.assertTrue(answer.json["settled"], answer)
        self.assertEqual([r["name"] for r in answer.json["refused"]], ["gj-bad"], answer)
        self.assertTrue(answer.json["refused"][0]["reason"])
        self.assertEqual(self.control.get("/v1/slices/bee").json["status"]["state"], "applied")
        seen = self.control.get("/v1/wans?state=refused").json["items"]
        self.assertEqual([w["name"] for w in seen], ["gj-bad"])
        again = self.control.apply([slice_("bee", "gj/p1/20", "bs/p1/20"), bad], "?wait=20").json
        self.assertEqual((again["unchanged"], again["changes"], again["settled"]), (2, [], True), again)
        self.assertEqual(again["refused"], answer.json["refused"])
        self.assertEqual(self.control.apply([slice_("bee", "gj/p1/20", "bs/p1/20")], "?wait=20").json["refused"], [])
        self.assertEqual(self.control.delete("/v1/wans/gj-bad?wait=10").status, 204)


if __name__ == "__main__":
    unittest.main()
